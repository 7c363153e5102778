import type { AddressInfo } from 'node:net';
import { registerSignerApi, SIGNER_SESSION_HEADER } from '../../src/dialects/signer/index.ts';
import type {
  ChoicesRequest,
  CodeAnswer,
  FieldChoice,
  Handwriting,
  PreviewAnswer,
  SessionAnswer,
  SignerErrorAnswer,
  TaskAnswer,
} from '../../src/dialects/signer/contract.ts';
import type { EvidenceReport, EvidenceReports } from '../../src/evidence-report/index.ts';
import { createHttpServer } from '../../src/http/server.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { createLog } from '../../src/platform/log.ts';
import type { Signing } from '../../src/signing/index.ts';

/** A handwriting that nobody takes for an empty one. */
export const HANDWRITING: Handwriting = {
  width: 600,
  height: 300,
  strokes: [
    {
      points: [
        [60, 150, 0.4],
        [200, 60, 0.8],
        [340, 220, 1],
        [520, 120, 0.3],
      ],
    },
    {
      points: [
        [300, 80, 0.5],
        [310, 260, 0.9],
      ],
    },
  ],
};

export interface SignerHttp {
  readonly url: string;
  close(): Promise<void>;
}

const NO_REPORTS = {
  report: (): Promise<EvidenceReport> => Promise.reject(new Error('nobody makes reports here')),
};

/** The signing page's API of a service, on a socket of its own. */
export async function startSignerHttp(parts: {
  signing: Signing;
  clock: Clock;
  evidence?: Pick<EvidenceReports, 'report'>;
}): Promise<SignerHttp> {
  const server = createHttpServer({ log: createLog({ level: 'error' }), trustedProxies: [] });
  const limits = { unprovenPerSecondPerAddressMax: 1_000, requestsPerSecondPerMemberMax: 1_000 };
  registerSignerApi(server, { evidence: NO_REPORTS, ...parts, baseUrl: () => 'http://sign.test', limits });
  await server.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/sign/v1`, close: () => server.close() };
}

export interface Answered<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** A signer's browser: one session, as the page holds it. */
export class SignerClient {
  readonly #url: string;
  /** As the browser sends it: `name=value`. */
  readonly cookie: string;
  readonly session: string;

  constructor(url: string, cookie: string, session: string) {
    this.#url = url;
    this.cookie = cookie;
    this.session = session;
  }

  async call<Body = TaskAnswer & SignerErrorAnswer>(
    method: 'GET' | 'POST',
    path: string,
    body: object = {},
    headers: Record<string, string> = {},
  ): Promise<Answered<Body>> {
    const answer = await fetch(`${this.#url}${path}`, {
      method,
      headers: {
        cookie: this.cookie,
        [SIGNER_SESSION_HEADER]: this.session,
        'user-agent': 'a phone',
        ...(method === 'POST' && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(method === 'POST' && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const isJson = answer.headers.get('content-type')?.includes('json') === true;
    return { status: answer.status, headers: answer.headers, body: (isJson ? JSON.parse(text) : text) as Body };
  }

  async bytes(path: string): Promise<Answered<Buffer>> {
    const joined = path.includes('?') ? '&' : '?';
    const answer = await fetch(`${this.#url}${path}${joined}session=${this.session}`, {
      headers: { cookie: this.cookie },
    });
    return { status: answer.status, headers: answer.headers, body: Buffer.from(await answer.arrayBuffer()) };
  }

  /** As `call`, and the test fails where it is refused. */
  async done<Body = TaskAnswer>(method: 'GET' | 'POST', path: string, body: object = {}): Promise<Body> {
    const answer = await this.call<Body>(method, path, body);
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  task(): Promise<TaskAnswer> {
    return this.done('GET', '/task');
  }

  /** Proves who they are by the code that `codeOf` reads, and agrees. */
  async enter(codeOf: () => Promise<string>): Promise<TaskAnswer> {
    await this.done<CodeAnswer>('POST', '/code');
    const task = await this.done('POST', '/code/check', { code: await codeOf() });
    return this.done('POST', '/consent', { version: task.consent.version });
  }

  /** Looks at the first page: without it nothing can be confirmed. */
  async read(): Promise<void> {
    const { status } = await this.bytes('/pages/1?width=200');
    if (status !== 200) throw new Error(`page 1: ${status}`);
  }

  preview(choices: ChoicesRequest['choices']): Promise<PreviewAnswer> {
    return this.done('POST', '/preview', { choices });
  }

  /** Looks at the document and signs every field in its default form. */
  async sign(point?: { page: number; x: number; y: number }): Promise<TaskAnswer> {
    await this.read();
    const { previewId } = await this.preview(defaultChoices(await this.task(), point));
    return this.done('POST', '/confirm', { previewId });
  }
}

/** Every field in its default form, free ones at the point. */
export function defaultChoices(
  { document }: TaskAnswer,
  point = { page: 1, x: 300, y: 400 },
): ChoicesRequest['choices'] {
  return document!.fields.map(({ fieldId, forms: [form], placement }): FieldChoice => {
    const choice: FieldChoice =
      form === 'handwritten'
        ? { fieldId, form, handwriting: HANDWRITING }
        : { fieldId, form: form!, sealId: document!.seals[0]!.sealId };
    if (placement.kind === 'free') choice.points = [point];
    return choice;
  });
}

/** Opens a link as a browser does. */
export async function openLink(http: SignerHttp, token: string): Promise<SignerClient> {
  const answer = await fetch(`${http.url}/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': 'a phone' },
    body: JSON.stringify({ token }),
  });
  if (answer.status !== 200) throw new Error(`session: ${answer.status} ${await answer.text()}`);
  const { session } = (await answer.json()) as SessionAnswer;
  const [cookie = ''] = (answer.headers.get('set-cookie') ?? '').split(';');
  return new SignerClient(http.url, cookie, session);
}
