import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { Command } from 'commander';
// Not through index.ts: every command would load the whole server for it.
import { readAdminToken } from '../dialects/admin/token.ts';
import { ADMIN_TOKEN_FILE, SERVICE_FILE } from '../platform/data-directory.ts';
import { CliError, type CliContext } from './context.ts';
import { sendFile } from './send-file.ts';

/** Options of every command that talks to a running service. */
export interface ClientOptions {
  json?: boolean;
  dataDir?: string;
  server?: string;
  tokenFile?: string;
}

const REQUEST_TIMEOUT_MS = 30_000;
const DOWNLOAD_TIMEOUT_MS = 300_000;

/** A line of an answer that comes in steps. */
export type Step = Record<string, unknown>;

export interface AdminClient {
  get(path: string, query?: Record<string, string | undefined>): Promise<Record<string, unknown>>;
  /** The bytes of an answer that is a file. */
  download(path: string): Promise<Buffer>;
  send(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<Record<string, unknown>>;
  /** Sends a file as the body and hands out the lines of the answer as they come. */
  upload(path: string, file: string, query: Record<string, string | undefined>): AsyncGenerator<Step>;
  /** Begins long work and hands out the lines of the answer as they come. The work ends early with this process. */
  follow(
    method: 'GET' | 'POST',
    path: string,
    fields: Record<string, string | number | boolean | undefined>,
  ): AsyncGenerator<Step>;
}

/** Adds the options every client command has. */
export function withClientOptions(command: Command): Command {
  return command
    .option('--json', 'print JSON for programs')
    .option('--data-dir <dir>', "the service's data directory (default: $YINXIN_DATA_DIR or ./yinxin-data)")
    .option('--server <url>', "the service's address (default: what the data directory says)")
    .option('--token-file <file>', 'file with the admin token (default: admin-token in the data directory)');
}

export function dataDirOf(context: CliContext, options: ClientOptions): string {
  const configured = context.environment['YINXIN_DATA_DIR']?.trim() ?? '';
  return resolve(context.cwd, options.dataDir ?? (configured === '' ? 'yinxin-data' : configured));
}

/** A client of the admin API of the service that runs on the data directory. Errors are CliErrors that say what to do. */
export function adminClient(context: CliContext, options: ClientOptions): AdminClient {
  const dataDir = dataDirOf(context, options);
  const reach = async (
    path: string,
    contentType: string | null,
    send: (url: string, headers: Record<string, string>) => Promise<Response>,
  ): Promise<Response> => {
    const server = options.server ?? (await serviceUrl(dataDir));
    const tokenFile = resolve(context.cwd, options.tokenFile ?? join(dataDir, ADMIN_TOKEN_FILE));
    const token = await adminToken(tokenFile);
    if (!URL.canParse(server)) throw new CliError(`${server} is no URL; write it such as http://127.0.0.1:8686`);
    const headers = {
      authorization: `Bearer ${token}`,
      ...(contentType !== null && { 'content-type': contentType }),
    };
    const url = `${server.replace(/\/$/, '')}/admin/v1${path}`;
    const answer = await send(url, headers).catch((error: unknown) => {
      throw new CliError(`no service answers at ${server}; start it with \`npm start\``, { cause: error });
    });
    if (answer.status !== 401) return answer;
    throw new CliError(
      `${server} does not take the token in ${tokenFile}; name its own with --token-file, or its data directory with --data-dir`,
    );
  };
  const call = async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
    const contentType = body === undefined ? null : 'application/json';
    const answer = await reach(path, contentType, async (url, headers) =>
      fetch(url, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      }),
    );
    if (!answer.ok) throw await refusal(answer);
    return (await answer.json().catch(() => ({}))) as Record<string, unknown>;
  };
  return {
    get: async (path, query = {}) => call('GET', withQuery(path, query)),
    async download(path) {
      const answer = await reach(path, null, async (url, headers) =>
        fetch(url, { headers, signal: AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS) }),
      );
      if (!answer.ok) throw await refusal(answer);
      return Buffer.from(await answer.arrayBuffer());
    },
    send: call,
    async *upload(path, file, query) {
      const answer = await reach(withQuery(path, query), 'application/octet-stream', async (url, headers) =>
        sendFile(url, headers, file),
      );
      yield* linesOf(answer, 'the service broke off; import the file again, what is known does no harm');
    },
    async *follow(method, path, fields) {
      const init = method === 'GET' ? { method } : { method, body: JSON.stringify(fields) };
      const target = method === 'GET' ? withQuery(path, fields) : path;
      const answer = await reach(target, method === 'GET' ? null : 'application/json', async (url, headers) =>
        fetch(url, { ...init, headers }),
      );
      yield* linesOf(answer, 'the service broke off before the end');
    },
  };
}

/** What an answer in steps came to. A failure that it tells is a CliError; `brokenOff` is told where it has no end. */
export async function lastOf(
  steps: AsyncIterable<Step>,
  brokenOff: string,
  onStep: (step: Step) => void,
): Promise<Record<string, unknown>> {
  for await (const step of steps) {
    const { result, error, message } = step;
    if (typeof error === 'string') throw new CliError(typeof message === 'string' ? message : error);
    if (typeof result === 'object' && result !== null) return result as Record<string, unknown>;
    onStep(step);
  }
  throw new CliError(brokenOff);
}

function withQuery(path: string, query: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const search = new URLSearchParams(
    Object.entries(query).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, String(value)]],
    ),
  ).toString();
  return search === '' ? path : `${path}?${search}`;
}

/** The lines of an answer that comes in steps; `brokenOff` is told where it ends before its end. */
async function* linesOf(answer: Response, brokenOff: string): AsyncGenerator<Step> {
  if (!answer.ok || answer.body === null) throw await refusal(answer);
  const lines = createInterface({ input: Readable.fromWeb(answer.body as never) });
  try {
    for await (const line of lines) yield JSON.parse(line) as Step;
  } catch (error) {
    throw new CliError(brokenOff, { cause: error });
  }
}

async function refusal(answer: Response): Promise<CliError> {
  const { message } = (await answer.json().catch(() => ({}))) as { message?: unknown };
  return new CliError(typeof message === 'string' ? message : `the service answered ${answer.status}`);
}

async function serviceUrl(dataDir: string): Promise<string> {
  const file = join(dataDir, SERVICE_FILE);
  try {
    const { url } = JSON.parse(await readFile(file, 'utf8')) as { url?: unknown };
    if (typeof url === 'string') return url;
  } catch (error) {
    throw new CliError(
      `no service runs on ${dataDir}; start it with \`npm start\`, or name another with --data-dir or --server`,
      { cause: error },
    );
  }
  throw new CliError(`${file} names no address; start the service again`);
}

async function adminToken(file: string): Promise<string> {
  try {
    return await readAdminToken(file);
  } catch (error) {
    const told = error instanceof Error && !('code' in error);
    throw new CliError(told ? error.message : `cannot read the admin token at ${file}`, { cause: error });
  }
}
