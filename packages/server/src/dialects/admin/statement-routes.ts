import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import {
  STATEMENT_ENCODINGS,
  STATEMENT_FORMATS,
  type Bank,
  type ImportInput,
  type ImportProgress,
} from '../../bank/index.ts';
import { isDomainError } from '../../platform/errors.ts';
import { hexId } from '../../platform/ids.ts';
import { columnsOf, Information } from './bank-routes.ts';
import { presentImport } from './bank-present.ts';
import { adminAnswer } from './errors.ts';
import { OPERATOR, type AdminServer } from './routes.ts';

/** A statement at most. */
const STATEMENT_BYTES_MAX = 200 * 1024 * 1024;
const STATEMENT_TOO_LARGE = {
  error: 'too_large',
  message: `a statement may be ${STATEMENT_BYTES_MAX} bytes (200 MB) long`,
};
/** 200 MB over a line of 1 Mbit/s take 28 minutes. */
const ARRIVAL_MS_MAX = 30 * 60_000;
const PROGRESS_EVERY_MS = 200;
/** What a killed process left is older than any upload under way. */
const ABANDONED_MS = 86_400_000;

const Params = Type.Object({ channel: Type.String({ maxLength: 32 }) });
const Query = Type.Object({
  format: Type.Optional(Type.Union(STATEMENT_FORMATS.map((format) => Type.Literal(format)))),
  encoding: Type.Optional(Type.Union(STATEMENT_ENCODINGS.map((encoding) => Type.Literal(encoding)))),
  file_name: Type.Optional(Type.String({ maxLength: 200 })),
  map: Type.Optional(Type.String({ maxLength: 2_000 })),
  information: Type.Optional(Information),
});

export interface StatementRouteDependencies {
  bank: Bank;
  /** Where an upload lies while it is imported. */
  spoolFolder: string;
}

/**
 * `POST /bank/channels/:channel/statements`: the file is the body, as application/octet-stream of 200 MB at most, which may
 * take half an hour to arrive; `map` is `COLUMN=HEADING,…`. It goes to disk first, so that a slow import does not hold the
 * connection's sending side, and a connection that breaks imports nothing. The answer is a line of JSON
 * (application/x-ndjson) for each step, `{"bytes", "lines"}`, and a last one with `result`, or with `error` and `message`.
 */
export function registerStatementRoutes(admin: AdminServer, { bank, spoolFolder }: StatementRouteDependencies): void {
  void admin.register(async (plain) => {
    const scope = plain.withTypeProvider<TypeBoxTypeProvider>();
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('application/octet-stream', (_request, payload, done) => {
      done(null, payload);
    });
    scope.post(
      '/bank/channels/:channel/statements',
      {
        bodyLimit: STATEMENT_BYTES_MAX,
        config: { streamsBody: true, bodyArrivalMsMax: ARRIVAL_MS_MAX },
        schema: { params: Params, querystring: Query },
      },
      async (request, reply) => {
        const { params, query } = request;
        const columns = query.map === undefined ? undefined : columnsOf(query.map.split(','));
        await bank.showChannel(params.channel);
        const body = request.body as IncomingMessage | undefined;
        if (body === undefined) return reply.code(400).send({ error: 'invalid', message: 'the file must be the body' });
        const isTooLarge = Number(request.headers['content-length'] ?? 0) > STATEMENT_BYTES_MAX;
        const file = isTooLarge ? null : await spooled(spoolFolder, body);
        // What is still arriving is not read: the connection ends with the answer.
        if (file === null) return reply.code(413).header('connection', 'close').send(STATEMENT_TOO_LARGE);
        const input: ImportInput = {
          channel: params.channel,
          content: createReadStream(file),
          fileName: query.file_name ?? 'statement',
          ...(query.format !== undefined && { format: query.format }),
          ...(query.encoding !== undefined && { encoding: query.encoding }),
          ...(columns !== undefined && { columns }),
          ...(query.information !== undefined && { information: query.information }),
          actor: OPERATOR,
        };
        const lines = steps(bank, input, file, (error) => request.log.error({ err: error }, 'an import failed'));
        return reply.type('application/x-ndjson').send(Readable.from(lines));
      },
    );
  });
}

/** The file the body was written to, or null where the body is too large. */
async function spooled(folder: string, body: IncomingMessage): Promise<string | null> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await removeAbandoned(folder);
  const file = join(folder, hexId());
  let bytes = 0;
  let isTooLarge = false;
  async function* limited(): AsyncGenerator<Uint8Array> {
    for await (const piece of body) {
      bytes += (piece as Buffer).length;
      isTooLarge = bytes > STATEMENT_BYTES_MAX;
      if (isTooLarge) return;
      yield piece as Buffer;
    }
  }
  try {
    await pipeline(limited, createWriteStream(file, { flags: 'wx', mode: 0o600 }));
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
  if (!isTooLarge) return file;
  await rm(file, { force: true });
  return null;
}

async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const file = join(folder, name);
    const found = await stat(file).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > ABANDONED_MS) await rm(file, { force: true });
  }
}

/** Runs the import to its end, also where nobody listens any more, and tells each step as a line. */
async function* steps(
  bank: Bank,
  input: ImportInput,
  file: string,
  onFailure: (error: unknown) => void,
): AsyncGenerator<string> {
  let progress: ImportProgress = { bytes: 0, lines: 0 };
  const run = async (): Promise<Record<string, unknown>> => {
    try {
      const result = await bank.importStatement({ ...input, onProgress: (step) => (progress = step) });
      return { result: presentImport(result) };
    } catch (error) {
      const answer = isDomainError(error) ? adminAnswer(error) : undefined;
      if (answer === undefined) onFailure(error);
      return answer?.body ?? { error: 'internal', message: 'the service failed; its log says why' };
    } finally {
      await rm(file, { force: true });
    }
  };
  const ending = run();
  for (;;) {
    const ended = await Promise.race([ending, wait(PROGRESS_EVERY_MS, undefined, { ref: false })]);
    if (ended !== undefined) {
      yield `${JSON.stringify(ended)}\n`;
      return;
    }
    yield `${JSON.stringify(progress)}\n`;
  }
}
