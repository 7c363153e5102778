import type { AcknowledgeRule } from './acknowledge.ts';
import type { RetryPolicy } from './retry-policy.ts';

/** In which form a destination receives messages and how it says that it has them (contracts/relay.md, last table). */
export type ProfileName = 'etc-relay' | 'etc-notify' | 'plain' | 'tsign';

export interface Profile {
  /** `envelope`: the signed target envelope; `content`: the message as it is. */
  readonly body: 'envelope' | 'content';
  /** Null: each destination has a rule of its own. */
  readonly acknowledge: AcknowledgeRule | null;
  readonly retry: RetryPolicy;
  /** `app-secret`: the headers of tsign-headers.ts beside those that every message has. */
  readonly signedBy?: 'app-secret';
  /** How long an attempt may take where that is less than the relay's own limit. */
  readonly attemptTimeoutMs?: number;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** 20 attempts: 1 s, 3 s, 7 s, 30 s, 60 s, 300 s, then an hour each (contracts/relay.md, Retry). */
const ETC_RETRY: RetryPolicy = {
  delaysMs: [
    ...[1, 3, 7, 30, 60, 300].map((seconds) => seconds * SECOND_MS),
    ...Array.from({ length: 13 }, () => HOUR_MS),
  ],
};

/** 15 attempts: 10 s 10 s 30 s 1 m 3 m 6 m 10 m 20 m 30 m 1 h, then 2 h four times (contracts/relay.md, last table). */
const TSIGN_RETRY: RetryPolicy = {
  delaysMs: [
    ...[10, 10, 30].map((seconds) => seconds * SECOND_MS),
    ...[1, 3, 6, 10, 20, 30].map((minutes) => minutes * MINUTE_MS),
    ...[1, 2, 2, 2, 2].map((hours) => hours * HOUR_MS),
  ],
};

const ANY_SUCCESS: AcknowledgeRule = {
  kind: 'status',
  statuses: Array.from({ length: 100 }, (_, index) => 200 + index),
};

export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  'etc-relay': {
    body: 'envelope',
    acknowledge: { kind: 'json', path: 'code', value: '000' },
    retry: ETC_RETRY,
  },
  'etc-notify': {
    body: 'content',
    acknowledge: { kind: 'json', path: 'response_code', value: '000' },
    retry: ETC_RETRY,
  },
  plain: { body: 'content', acknowledge: null, retry: ETC_RETRY },
  tsign: {
    body: 'content',
    acknowledge: ANY_SUCCESS,
    retry: TSIGN_RETRY,
    signedBy: 'app-secret',
    attemptTimeoutMs: 5 * SECOND_MS,
  },
};

export const PROFILE_NAMES = Object.keys(PROFILES) as readonly ProfileName[];

export function isProfileName(text: string): text is ProfileName {
  return Object.hasOwn(PROFILES, text);
}
