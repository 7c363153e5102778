import type { AcknowledgeRule } from './acknowledge.ts';
import type { RetryPolicy } from './retry-policy.ts';

/** In which form a destination receives messages and how it says that it has them (contracts/relay.md, last table). */
export type ProfileName = 'etc-relay' | 'etc-notify' | 'plain';

export interface Profile {
  /** `envelope`: the signed target envelope; `content`: the message as it is. */
  readonly body: 'envelope' | 'content';
  /** Null: each destination has a rule of its own. */
  readonly acknowledge: AcknowledgeRule | null;
  readonly retry: RetryPolicy;
}

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;

/** 20 attempts: 1 s, 3 s, 7 s, 30 s, 60 s, 300 s, then an hour each (contracts/relay.md, Retry). */
const ETC_RETRY: RetryPolicy = {
  delaysMs: [
    ...[1, 3, 7, 30, 60, 300].map((seconds) => seconds * SECOND_MS),
    ...Array.from({ length: 13 }, () => HOUR_MS),
  ],
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
};

export const PROFILE_NAMES = Object.keys(PROFILES) as readonly ProfileName[];

export function isProfileName(text: string): text is ProfileName {
  return Object.hasOwn(PROFILES, text);
}
