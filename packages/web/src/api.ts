import { AnswerError } from './answer-error.ts';
import { exchange } from './exchange.ts';
import {
  SESSION_HEADER,
  type CompanyField,
  type CompanyForm,
  type ErrorAnswer,
  type FieldProblem,
  type MemberApiErrorCode,
  type SessionAnswer,
  type VerificationAnswer,
} from '../../server/src/dialects/member/contract.ts';

const BASE = 'member/v1';

/** `offline`: no answer came. */
export type ApiErrorCode = MemberApiErrorCode | 'offline';

export class ApiError extends AnswerError<MemberApiErrorCode> {
  override readonly name = 'ApiError';
  readonly fields: Partial<Record<CompanyField, FieldProblem>>;

  constructor(code: ApiErrorCode, fields: Partial<Record<CompanyField, FieldProblem>> = {}) {
    super(code);
    this.fields = fields;
  }
}

interface Call {
  method?: 'GET' | 'POST' | 'PUT';
  session?: string;
  body?: object;
}

async function call<Answer>(path: string, { method = 'GET', session, body }: Call): Promise<Answer> {
  const { isOk, answer } = await exchange(`${BASE}/${path}`, {
    method,
    headers: session === undefined ? {} : { [SESSION_HEADER]: session },
    ...(body !== undefined && { body }),
  }).catch((error: unknown) => {
    throw new ApiError(error instanceof AnswerError && error.code === 'offline' ? 'offline' : 'internal');
  });
  if (isOk) return answer as Answer;
  const { error, fields } = answer as Partial<ErrorAnswer>;
  throw new ApiError(isKnown(error) ? error : 'internal', fields);
}

const KNOWN_CODES: Readonly<Record<MemberApiErrorCode, true>> = {
  session_missing: true,
  session_replaced: true,
  token_invalid: true,
  token_expired: true,
  member_gone: true,
  invalid: true,
  conflict: true,
  flow_busy: true,
  unavailable: true,
  character_missing: true,
  too_many_requests: true,
  internal: true,
};

function isKnown(code: string | undefined): code is MemberApiErrorCode {
  return code !== undefined && Object.hasOwn(KNOWN_CODES, code);
}

export async function openSession(token: string): Promise<SessionAnswer> {
  return call('session', { method: 'POST', body: { token } });
}

export async function reopenSession(): Promise<SessionAnswer> {
  return call('session', {});
}

/** What the page may ask for in one session. Every call answers the whole view. */
export interface Api {
  read(): Promise<VerificationAnswer>;
  start(company: CompanyForm): Promise<VerificationAnswer>;
  chooseSeal(variant: string): Promise<VerificationAnswer>;
  consent(textVersion: string): Promise<VerificationAnswer>;
}

export function createApi(session: string): Api {
  return {
    read: () => call('verification', { session }),
    start: (company) => call('verification', { method: 'POST', session, body: company }),
    chooseSeal: (variant) => call('seal', { method: 'PUT', session, body: { variant } }),
    consent: (textVersion) => call('silent-signing', { method: 'PUT', session, body: { textVersion } }),
  };
}
