import { DomainError } from '../platform/errors.ts';
import type { AcknowledgeRule } from './acknowledge.ts';
import { isProfileName, PROFILES, PROFILE_NAMES, type ProfileName } from './profiles.ts';
import type { RelayErrorCode } from './relay.ts';
import { isWebhookSecret } from './standard-webhooks.ts';

/** In `appId`: a destination that the operator set for every application. An application's own comes first. */
export const SHARED_CALLEES = '*';

/** RSA is SHA1withRSA (the source's), RSA2 is SHA256withRSA. */
export type BodySignType = 'RSA' | 'RSA2';

/** A registered destination. Its secret never leaves the relay. */
export interface Callee {
  readonly appId: string;
  readonly calleeNo: string;
  readonly url: string;
  readonly profile: ProfileName;
  readonly signType: BodySignType;
  /** Switched off: new messages are refused, waiting ones are parked until it is switched on. */
  readonly enabled: boolean;
  /** Whether it has a webhook secret of its own instead of the application's. */
  readonly hasOwnSecret: boolean;
  /** Null: the profile's. */
  readonly acknowledge: AcknowledgeRule | null;
  /** Null: the profile's. */
  readonly delaysMs: readonly number[] | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** What is left out stays as it is; a new destination needs `url` and gets profile `etc-relay` and sign type `RSA`. */
export interface CalleeChange {
  /** An application's id, or `*`. */
  readonly appId: string;
  /** 1 to 64 letters, digits, `.`, `_`, `-`. */
  readonly calleeNo: string;
  readonly url?: string;
  readonly profile?: string;
  readonly signType?: string;
  readonly enabled?: boolean;
  /** `whsec_…`; null takes the own secret away. */
  readonly webhookSecret?: string | null;
  readonly acknowledge?: AcknowledgeRule | null;
  readonly delaysMs?: readonly number[] | null;
  /** Who does it, for the audit. */
  readonly actor: string;
}

/** A callee as it will stand after a change; `webhookSecret` undefined leaves the stored one. */
export interface CalleeDraft {
  readonly url: string;
  readonly profile: ProfileName;
  readonly signType: BodySignType;
  readonly enabled: boolean;
  readonly webhookSecret: string | null | undefined;
  readonly acknowledge: AcknowledgeRule | null;
  readonly delaysMs: readonly number[] | null;
}

const DELAYS_MAX = 100;
const DELAY_MAX_MS = 7 * 24 * 3_600_000;
const RULE_TEXT_CHARACTERS_MAX = 1_000;

export function calleeInvalid(field: string, expected: string): DomainError<RelayErrorCode> {
  return new DomainError('callee_invalid', { field, expected });
}

/**
 * Applies a change to what is stored (null for a new callee) and checks the whole. The URL is checked by the caller,
 * who has the address rules. @throws DomainError callee_invalid
 */
export function applyChange(stored: Callee | null, change: CalleeChange): CalleeDraft {
  if (!/^[\w.-]{1,64}$/.test(change.calleeNo)) throw calleeInvalid('callee_no', '1 to 64 letters, digits, . _ or -');
  if (change.appId !== SHARED_CALLEES && !/^[A-Z0-9]{16}$/.test(change.appId)) {
    throw calleeInvalid('app_id', '16 upper-case letters and digits, or *');
  }
  const url = change.url ?? stored?.url;
  if (url === undefined) throw calleeInvalid('url', 'an http or https URL; a new callee needs one');
  const profile = change.profile ?? stored?.profile ?? 'etc-relay';
  if (!isProfileName(profile)) throw calleeInvalid('profile', `one of ${PROFILE_NAMES.join(', ')}`);
  const signType = change.signType ?? stored?.signType ?? 'RSA';
  if (signType !== 'RSA' && signType !== 'RSA2') throw calleeInvalid('sign_type', 'RSA or RSA2');
  const acknowledge = change.acknowledge === undefined ? (stored?.acknowledge ?? null) : change.acknowledge;
  if (acknowledge !== null) checkRule(acknowledge);
  if (acknowledge === null && PROFILES[profile].acknowledge === null) {
    throw calleeInvalid('acknowledge', `a rule: the profile ${profile} has none of its own`);
  }
  const delaysMs = change.delaysMs === undefined ? (stored?.delaysMs ?? null) : change.delaysMs;
  if (delaysMs !== null) checkDelays(delaysMs);
  if (typeof change.webhookSecret === 'string' && !isWebhookSecret(change.webhookSecret)) {
    throw calleeInvalid('webhook_secret', 'whsec_ and the Base64 of 24 to 64 bytes');
  }
  const enabled = change.enabled ?? stored?.enabled ?? true;
  return { url, profile, signType, enabled, webhookSecret: change.webhookSecret, acknowledge, delaysMs };
}

function checkDelays(delaysMs: readonly number[]): void {
  const each = delaysMs.every((delay) => Number.isSafeInteger(delay) && delay >= 0 && delay <= DELAY_MAX_MS);
  if (!each || delaysMs.length > DELAYS_MAX) {
    throw calleeInvalid('delays_ms', `at most ${DELAYS_MAX} whole numbers of milliseconds, each at most 7 days`);
  }
}

/** The rule may come from JSON that nobody has checked, so its shape is looked at as well. */
function checkRule(rule: AcknowledgeRule): void {
  const statuses: unknown = rule.statuses;
  const statusesHold =
    statuses === undefined
      ? rule.kind !== 'status'
      : Array.isArray(statuses) &&
        statuses.length > 0 &&
        statuses.every((status: unknown) => Number.isInteger(status) && Number(status) >= 200 && Number(status) <= 599);
  if (!statusesHold) throw calleeInvalid('acknowledge', 'statuses: a list of HTTP statuses from 200 to 599');
  switch (rule.kind) {
    case 'status':
      return;
    case 'text':
      if (typeof rule.text !== 'string' || rule.text.length > RULE_TEXT_CHARACTERS_MAX) {
        throw calleeInvalid('acknowledge', `text: at most ${RULE_TEXT_CHARACTERS_MAX} characters`);
      }
      return;
    case 'json':
      if (typeof rule.path !== 'string' || !/^[^.]{1,64}(\.[^.]{1,64}){0,9}$/.test(rule.path)) {
        throw calleeInvalid('acknowledge', 'path: up to 10 keys joined by dots');
      }
      if (!['string', 'number', 'boolean'].includes(typeof rule.value)) {
        throw calleeInvalid('acknowledge', 'value: a string, number or boolean');
      }
      return;
    default:
      throw calleeInvalid('acknowledge', 'kind: status, text or json');
  }
}
