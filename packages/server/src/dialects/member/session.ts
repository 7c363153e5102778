import { createHmac, randomBytes } from 'node:crypto';
import type { MemberKey } from '../../identity/index.ts';
import { equalConstantTime } from '../../platform/constant-time.ts';

/** Long enough to wait for the bank in one sitting; afterwards the platform opens the page anew. */
export const SESSION_LIFE_MS = 12 * 3_600_000;
export const SESSION_COOKIE = 'yinxin_member';
const SESSION_ID_BYTES = 9;
const COOKIE_LENGTH_MAX = 1024;

export interface Session extends MemberKey {
  /** Names the session to its own page; it opens nothing without the cookie. */
  session: string;
  /** Milliseconds since 1970. */
  expiresAt: number;
}

/**
 * A session kept by the browser alone: Base64url of its JSON, a dot, Base64url of an HMAC-SHA256 over it. Any node that
 * shares the master key can read it, and nothing has to be stored or swept.
 */
export function sealSession(member: MemberKey, now: Date, key: Buffer): { session: Session; value: string } {
  const session: Session = {
    appId: member.appId,
    etcMemberNo: member.etcMemberNo,
    session: randomBytes(SESSION_ID_BYTES).toString('base64url'),
    expiresAt: now.getTime() + SESSION_LIFE_MS,
  };
  const text = Buffer.from(JSON.stringify(session)).toString('base64url');
  return { session, value: `${text}.${tagOf(text, key)}` };
}

/** The session of a cookie's value, or undefined where it was not made with this key or is over. */
export function openSession(value: string, now: Date, key: Buffer): Session | undefined {
  const [text = '', tag = ''] = value.length > COOKIE_LENGTH_MAX ? [] : value.split('.');
  if (!equalConstantTime(tag, tagOf(text, key))) return undefined;
  const session = JSON.parse(Buffer.from(text, 'base64url').toString()) as Session;
  return session.expiresAt > now.getTime() ? session : undefined;
}

function tagOf(text: string, key: Buffer): string {
  return createHmac('sha256', key).update(`member-session.${text}`).digest('base64url');
}
