import type { AppErrorCode } from '../../apps/index.ts';
import type { EvidenceErrorCode } from '../../evidence-report/index.ts';
import type { IdentityErrorCode } from '../../identity/index.ts';
import type { BankErrorCode } from '../../bank/index.ts';
import type { PartyErrorCode } from '../../parties/index.ts';
import type { QuotaErrorCode } from '../../quotas/index.ts';
import type { RelayErrorCode, SearchErrorCode } from '../../relay/index.ts';
import type { ReviewErrorCode } from '../../seals/index.ts';
import type { CopyErrorCode, SettingsErrorCode, SigningErrorCode } from '../../signing/index.ts';
import type { SubscriptionErrorCode } from '../../subscriptions/index.ts';
import type { DomainError } from '../../platform/errors.ts';
import type { TrustErrorCode } from '../../trust/index.ts';
import { BANK_ERRORS } from './bank-errors.ts';
import { TRUST_ERRORS } from './trust-errors.ts';

/** Of company verification, what an operator's commands can end with. */
type VerificationErrorCode = Extract<
  IdentityErrorCode,
  | 'verification_not_found'
  | 'verification_ended'
  | 'verification_expired'
  | 'letter_not_waiting'
  | 'identity_invalid'
  | 'register_invalid'
>;

export type AdminErrorCode =
  | AppErrorCode
  | PartyErrorCode
  | RelayErrorCode
  | SearchErrorCode
  | Extract<SubscriptionErrorCode, 'subscription_not_found'>
  | VerificationErrorCode
  | Extract<QuotaErrorCode, 'contract_quota_invalid'>
  | ReviewErrorCode
  | EvidenceErrorCode
  | Extract<SigningErrorCode, 'flow_not_found'>
  | CopyErrorCode
  | SettingsErrorCode
  | BankErrorCode
  | TrustErrorCode;

type Params = Readonly<Record<string, string>>;
interface Answer {
  status: 400 | 404 | 409 | 503;
  message: (params: Params) => string;
}

const notFound = (what: string, key: string): Answer => ({
  status: 404,
  message: (params) => `no ${what} ${params[key] ?? ''}`.trim(),
});
const invalid: Answer = {
  status: 400,
  message: (params) => `${params['field'] ?? 'a field'} must be ${params['expected'] ?? 'valid'}`,
};

/** What the admin API answers for each error of the capabilities it serves. An error without an answer does not compile. */
export const ADMIN_ERRORS = {
  ...BANK_ERRORS,
  ...TRUST_ERRORS,
  app_invalid: invalid,
  app_not_found: notFound('application', 'appId'),
  party_invalid: invalid,
  contract_quota_invalid: invalid,
  flow_not_found: notFound('sign flow', 'flowId'),
  flow_not_ended: {
    status: 409,
    message: (params) => `sign flow ${params['flowId'] ?? ''} has not ended; a report is of what is over`,
  },
  copy_not_found: notFound('copy', 'copyId'),
  copy_invalid: invalid,
  copy_flow_over: {
    status: 409,
    message: (params) =>
      `sign flow ${params['flowId'] ?? ''} is ${params['state'] ?? 'over'}: copies go out while it is signed and after it is done`,
  },
  copy_there_already: {
    status: 409,
    message: (params) => `copy ${params['copyId'] ?? ''} goes to this mobile or e-mail address already`,
  },
  too_many_copies: { status: 409, message: (params) => `a sign flow has at most ${params['limit'] ?? ''} copies` },
  signing_settings_invalid: invalid,
  seal_not_found: notFound('seal', 'sealId'),
  seal_already_reviewed: {
    status: 409,
    message: (params) => `seal ${params['sealId'] ?? ''} does not wait for a review: it is ${params['status'] ?? ''}`,
  },
  org_not_found: notFound('company', 'etcOrgNo'),
  parent_org_not_found: notFound('parent company', 'parentBizOrgNo'),
  org_conflict: { status: 409, message: (params) => `company ${params['bizOrgNo'] ?? ''} exists with other data` },
  member_conflict: { status: 409, message: (params) => `member ${params['bizMemberNo'] ?? ''} exists with other data` },
  callee_invalid: invalid,
  callee_not_found: notFound('callee', 'calleeNo'),
  url_invalid: { status: 400, message: (params) => `url is not one we may send to: ${params['reason'] ?? 'invalid'}` },
  idempotency_conflict: { status: 409, message: () => 'this idempotency key was used for another message' },
  delivery_not_found: notFound('callback', 'requestId'),
  delivery_not_ended: {
    status: 409,
    message: (params) =>
      `callback ${params['requestId'] ?? ''} is still on its way; only one that ended can be replayed`,
  },
  delivery_not_waiting: {
    status: 409,
    message: (params) =>
      `callback ${params['requestId'] ?? ''} does not wait: it has ended, or an attempt is under way`,
  },
  delivery_not_parked: {
    status: 409,
    message: (params) => `callback ${params['requestId'] ?? ''} is not parked by an operator`,
  },
  delivery_content_dropped: {
    status: 409,
    message: (params) => `the content of callback ${params['requestId'] ?? ''} was dropped; only its record is left`,
  },
  delivery_record_changed: {
    status: 409,
    message: (params) =>
      `the record of callback ${params['requestId'] ?? ''} is not as it was written: ${
        params['number'] === undefined
          ? 'it is delivered, and no try of it was acknowledged'
          : `try ${params['number']}, the message or the callback was changed`
      }; yinxin audit verify tells more`,
  },
  delivery_superseded: {
    status: 409,
    message: (params) =>
      `a later message of its ordering key took the place of callback ${params['requestId'] ?? ''}; where that one has ended, "superseded": true sends this one all the same`,
  },
  search_unbounded: {
    status: 400,
    message: () => 'text is searched for within an application or a range of time: name app_id or from',
  },
  search_too_slow: {
    status: 400,
    message: (params) =>
      `the search took more than ${params['seconds'] ?? 'a few'} s and was given up: narrow it by from and to, app_id or callee_no`,
  },
  relay_full: { status: 503, message: () => 'the service is full; try again in a moment' },
  subscription_not_found: notFound('subscription', 'subscriptionId'),
  verification_not_found: notFound('verification', 'flowId'),
  verification_ended: { status: 409, message: (params) => `verification ${params['flowId'] ?? ''} has ended` },
  verification_expired: { status: 409, message: (params) => `verification ${params['flowId'] ?? ''} has expired` },
  letter_not_waiting: {
    status: 409,
    message: (params) => `no letter of verification ${params['flowId'] ?? ''} waits for a review`,
  },
  identity_invalid: { status: 400, message: (params) => `${params['field'] ?? 'a field'}: ${params['reason'] ?? ''}` },
  register_invalid: {
    status: 400,
    message: (params) => `line ${params['line'] ?? '?'} of the file: ${params['reason'] ?? 'invalid'}`,
  },
  relay_stopped: { status: 503, message: () => 'the service is stopping' },
} as const satisfies Record<AdminErrorCode, Answer>;

/** The answer for an error of the table, or undefined for one that is not an administrator's to see. */
export function adminAnswer(
  error: DomainError,
): { status: number; body: { error: string; message: string } } | undefined {
  const answers: Readonly<Record<string, Answer>> = ADMIN_ERRORS;
  const answer = Object.hasOwn(answers, error.code) ? answers[error.code] : undefined;
  if (answer === undefined) return undefined;
  return { status: answer.status, body: { error: error.code, message: answer.message(error.params) } };
}
