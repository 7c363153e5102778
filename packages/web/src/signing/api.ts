import {
  SIGNER_SESSION_HEADER,
  type ChoicesRequest,
  type CodeAnswer,
  type HandoverAnswer,
  type PreviewAnswer,
  type SessionAnswer,
  type SignerApiErrorCode,
  type SignerErrorAnswer,
  type TaskAnswer,
  type ViewsRequest,
} from '../../../server/src/dialects/signer/contract.ts';
import { AnswerError } from '../answer-error.ts';
import { exchange } from '../exchange.ts';

const BASE = 'sign/v1';

export class SignerError extends AnswerError<SignerApiErrorCode> {
  override readonly name = 'SignerError';
  /** How often a code may still be tried; null where that is not said. */
  readonly triesLeft: number | null;
  /** Seconds; null where that is not said. */
  readonly retryAfter: number | null;

  constructor(code: SignerError['code'], { triesLeft, retryAfter }: Partial<SignerErrorAnswer> = {}) {
    super(code);
    this.triesLeft = triesLeft ?? null;
    this.retryAfter = retryAfter ?? null;
  }
}

async function call<Answer>(method: 'GET' | 'POST', path: string, session: string | null, body?: object) {
  const { isOk, answer } = await exchange(`${BASE}/${path}`, {
    method,
    headers: session === null ? {} : { [SIGNER_SESSION_HEADER]: session },
    ...(body !== undefined && { body }),
  }).catch((error: unknown) => {
    throw new SignerError(error instanceof AnswerError && error.code === 'offline' ? 'offline' : 'internal');
  });
  if (isOk) return answer as Answer;
  const refusal = (answer ?? {}) as Partial<SignerErrorAnswer>;
  throw new SignerError(isKnown(refusal.error) ? refusal.error : 'internal', refusal);
}

const KNOWN_CODES: Readonly<Record<SignerApiErrorCode, true>> = {
  session_missing: true,
  session_replaced: true,
  token_invalid: true,
  token_expired: true,
  invalid: true,
  code_wrong: true,
  code_expired: true,
  code_too_soon: true,
  code_locked: true,
  not_your_turn: true,
  step_missing: true,
  reading_time_left: true,
  preview_gone: true,
  document_changed: true,
  flow_over: true,
  too_many_requests: true,
  unavailable: true,
  internal: true,
};

function isKnown(code: string | undefined): code is SignerApiErrorCode {
  return code !== undefined && Object.hasOwn(KNOWN_CODES, code);
}

const SESSION_ENDS: ReadonlySet<string> = new Set([
  'session_missing',
  'session_replaced',
  'token_invalid',
  'token_expired',
] satisfies SignerApiErrorCode[]);

/** Whether nothing but the link, or a new one, helps. */
export function endsSession(error: unknown): error is SignerError {
  return error instanceof SignerError && SESSION_ENDS.has(error.code);
}

export async function openSession(token: string): Promise<SessionAnswer> {
  return call('POST', 'session', null, { token });
}

/** The task, and when its reading time is over: a moment of `performance.now()`, null where there is none left. */
export type SignerTask = TaskAnswer & { readingEndsAt: number | null };

function stamped(task: TaskAnswer): SignerTask {
  const left = task.document?.readingSecondsLeft ?? 0;
  return { ...task, readingEndsAt: left > 0 ? performance.now() + left * 1000 : null };
}

/** What the page may ask for in one session. */
export interface SignerApi {
  read(): Promise<SignerTask>;
  sendCode(): Promise<CodeAnswer>;
  checkCode(code: string): Promise<SignerTask>;
  consent(version: string): Promise<SignerTask>;
  preview(choices: ChoicesRequest): Promise<PreviewAnswer>;
  confirm(previewId: string): Promise<SignerTask>;
  refuse(reason: string): Promise<SignerTask>;
  handOver(): Promise<HandoverAnswer>;
  /** Tells it as the page goes, too; nobody waits for it, and what is lost is a few seconds of a page's time. */
  tellViews(views: ViewsRequest): void;
  /** Addresses for `<img>` and downloads. */
  pageUrl(page: number, width: number, sha256: string): string;
  previewPageUrl(previewId: string, page: number, width: number): string;
  documentUrl: string;
  evidenceUrl: string;
}

export function createSignerApi(session: string): SignerApi {
  const post = async <Answer>(path: string, body: object = {}): Promise<Answer> => call('POST', path, session, body);
  const named = `session=${encodeURIComponent(session)}`;
  return {
    read: async () => stamped(await call('GET', 'task', session)),
    sendCode: () => post('code'),
    checkCode: async (code) => stamped(await post('code/check', { code })),
    consent: async (version) => stamped(await post('consent', { version })),
    preview: (choices) => post('preview', choices),
    confirm: async (previewId) => stamped(await post('confirm', { previewId })),
    refuse: async (reason) => stamped(await post('refuse', { reason })),
    handOver: () => post('handover'),
    tellViews(views) {
      const body = new Blob([JSON.stringify(views)], { type: 'application/json' });
      navigator.sendBeacon(`${BASE}/views?${named}`, body);
    },
    pageUrl: (page, width, sha256) => `${BASE}/pages/${page}?width=${width}&${named}&of=${sha256}`,
    previewPageUrl: (previewId, page, width) =>
      `${BASE}/previews/${encodeURIComponent(previewId)}/pages/${page}?width=${width}&${named}`,
    documentUrl: `${BASE}/document?${named}`,
    evidenceUrl: `${BASE}/evidence?${named}`,
  };
}
