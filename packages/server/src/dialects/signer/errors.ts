import type { PageImageErrorCode } from '../../documents/index.ts';
import type { DomainError } from '../../platform/errors.ts';
import type { SignerErrorCode } from '../../signing/index.ts';
import type { SignerApiErrorCode, SignerErrorAnswer } from './contract.ts';

type RaisedCode = SignerErrorCode | PageImageErrorCode | 'seal_not_found' | 'pdf_threads_busy';

interface Answer {
  status: 401 | 404 | 409 | 410 | 422 | 429 | 503;
  error: SignerApiErrorCode;
  message: string;
}

/** What the page is answered for each error that its calls raise. An error that is not in the table does not compile. */
const SIGNER_ERRORS: Readonly<Record<RaisedCode, Answer>> = {
  signer_link_invalid: { status: 401, error: 'token_invalid', message: 'this link is not valid' },
  signer_link_expired: { status: 410, error: 'token_expired', message: 'this link has expired' },
  signer_code_wrong: { status: 422, error: 'code_wrong', message: 'the code is wrong' },
  signer_code_expired: { status: 410, error: 'code_expired', message: 'ask for a new code' },
  signer_code_too_soon: { status: 429, error: 'code_too_soon', message: 'a code was sent a moment ago' },
  signer_code_locked: { status: 429, error: 'code_locked', message: 'too many wrong codes' },
  signer_unreachable: { status: 503, error: 'unavailable', message: 'no code can be sent to the signer' },
  signer_not_in_turn: { status: 409, error: 'not_your_turn', message: 'it is not your turn to sign' },
  signer_flow_over: { status: 409, error: 'flow_over', message: 'nothing can be signed here any more' },
  signer_step_missing: { status: 409, error: 'step_missing', message: 'a step before this one is missing' },
  signer_consent_outdated: { status: 409, error: 'step_missing', message: 'the text has changed: read it again' },
  signer_choice_invalid: { status: 422, error: 'invalid', message: 'this cannot be signed in this way' },
  signer_reading_time_left: { status: 409, error: 'reading_time_left', message: 'read the document first' },
  signer_preview_gone: { status: 410, error: 'preview_gone', message: 'look at a new preview first' },
  signer_document_changed: {
    status: 409,
    error: 'document_changed',
    message: 'another signature came in where yours is to stand: look at a new preview',
  },
  signer_company_not_verified: { status: 409, error: 'unavailable', message: 'the company is not verified yet' },
  signer_too_many: { status: 429, error: 'too_many_requests', message: 'wait a moment before the next request' },
  page_missing: { status: 404, error: 'invalid', message: 'no such page' },
  page_unreadable: { status: 503, error: 'unavailable', message: 'this page cannot be shown' },
  page_images_busy: { status: 503, error: 'unavailable', message: 'too many pages are being drawn' },
  seal_not_found: { status: 404, error: 'invalid', message: 'no such seal' },
  pdf_threads_busy: { status: 503, error: 'unavailable', message: 'too many documents are being prepared' },
};

/** The answer for an error of the table, or undefined for one that is not a signer's to see. */
export function signerAnswer(error: DomainError): { status: number; body: SignerErrorAnswer } | undefined {
  const answers: Readonly<Record<string, Answer>> = SIGNER_ERRORS;
  const answer = Object.hasOwn(answers, error.code) ? answers[error.code] : undefined;
  if (answer === undefined) return undefined;
  const { triesLeft, retryAfter, reason } = error.params;
  const isTold = error.code === 'signer_choice_invalid' && reason !== undefined;
  const body: SignerErrorAnswer = {
    error: answer.error,
    message: isTold ? `${answer.message}: ${reason}` : answer.message,
    ...(triesLeft !== undefined && { triesLeft: Number(triesLeft) }),
    ...(retryAfter !== undefined && { retryAfter: Number(retryAfter) }),
  };
  return { status: answer.status, body };
}
