import type { IdentityErrorCode } from '../../identity/index.ts';
import type { DomainError } from '../../platform/errors.ts';
import type { CompanyField, ErrorAnswer, FieldProblem, MemberApiErrorCode } from './contract.ts';

interface Answer {
  status: 401 | 404 | 409 | 422 | 503;
  error: MemberApiErrorCode;
  message: string;
}

const unavailable = (message: string): Answer => ({ status: 503, error: 'unavailable', message });
const conflict = (message: string): Answer => ({ status: 409, error: 'conflict', message });

/**
 * What the page is answered for each error of identity; null where nothing that the page calls raises it. An error that
 * is not in the table does not compile.
 */
const MEMBER_ERRORS: Readonly<Record<IdentityErrorCode, Answer | null>> = {
  member_token_invalid: { status: 401, error: 'token_invalid', message: 'this token is not valid' },
  member_token_expired: { status: 401, error: 'token_expired', message: 'this token has expired' },
  member_not_found: { status: 404, error: 'member_gone', message: 'the member is gone' },
  org_not_found: { status: 404, error: 'member_gone', message: 'the company is gone' },
  identity_invalid: { status: 422, error: 'invalid', message: 'a field is not right' },
  factor_source_failed: unavailable('the company cannot be looked up now'),
  already_verified: conflict('the company is verified already'),
  flow_open: { status: 409, error: 'flow_busy', message: 'money for the verification under way has come' },
  not_verified: conflict('the company is not verified yet'),
  verification_ended: conflict('this verification has ended'),
  verification_expired: conflict('this verification has expired'),
  no_bank_channel: unavailable('no bank channel is on'),
  sub_accounts_exhausted: unavailable('no receiving account is free'),
  seal_variant_unknown: conflict('no such seal'),
  seal_character_missing: { status: 422, error: 'character_missing', message: 'the seal cannot be drawn' },
  verification_not_found: null,
  account_not_found: null,
  account_incomplete: null,
  letter_file_not_found: null,
  letter_not_waiting: null,
  transfer_limit_reached: null,
  transfer_missing: null,
  random_amount_wrong: null,
  random_amount_misses_exhausted: null,
  random_amount_expired: null,
  notify_url_invalid: null,
  register_invalid: null,
};

const FIELDS: readonly string[] = ['orgName', 'orgCode', 'legalRepName'] satisfies CompanyField[];
const PROBLEMS: readonly string[] = [
  'required',
  'format',
  'check_digit',
  'mismatch',
  'spaces',
] satisfies FieldProblem[];

/** The answer for an error of the table, or undefined for one that is not a member's to see. */
export function memberAnswer(error: DomainError): { status: number; body: ErrorAnswer } | undefined {
  const answers: Readonly<Record<string, Answer | null>> = MEMBER_ERRORS;
  const answer = Object.hasOwn(answers, error.code) ? answers[error.code] : undefined;
  if (answer === undefined || answer === null) return undefined;
  const { field = '', reason = '' } = error.params;
  const body: ErrorAnswer = { error: answer.error, message: answer.message };
  if (FIELDS.includes(field)) body.fields = { [field]: PROBLEMS.includes(reason) ? reason : 'format' };
  return { status: answer.status, body };
}
