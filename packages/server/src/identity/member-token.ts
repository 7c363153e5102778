import { createHmac, timingSafeEqual } from 'node:crypto';
import { refused } from './context.ts';
import type { MemberKey } from './terms.ts';

/** Long enough to follow a link, short enough to be worth little in a browser's history. */
export const MEMBER_TOKEN_LIFE_MS = 30 * 60_000;
const VERSION = 'et1';
const FORM = /^et1\.([A-Z0-9]{16})\.([0-9a-f]{32})\.(\d{10,12})\.([\w-]{43})$/;

/** `et1.APP.MEMBER.EXPIRES.SIGNATURE`: it opens this member's own page until Unix second EXPIRES. */
export function memberToken(member: MemberKey, expiresAt: Date, key: Buffer): string {
  const expires = String(Math.floor(expiresAt.getTime() / 1000));
  return [VERSION, member.appId, member.etcMemberNo, expires, signatureOf(member, expires, key)].join('.');
}

/**
 * Whom a token speaks for. The signature is compared in constant time and before the time is looked at.
 *
 * @throws DomainError member_token_invalid, member_token_expired
 */
export function openMemberToken(token: string, now: Date, key: Buffer): MemberKey {
  const [, appId, etcMemberNo, expires, signature] = FORM.exec(token) ?? [];
  if (appId === undefined || etcMemberNo === undefined || expires === undefined || signature === undefined) {
    throw refused('member_token_invalid');
  }
  const member = { appId, etcMemberNo };
  const expected = Buffer.from(signatureOf(member, expires, key));
  const given = Buffer.from(signature);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw refused('member_token_invalid');
  if (Number(expires) * 1000 <= now.getTime()) throw refused('member_token_expired');
  return member;
}

/** The purpose stands in the text, so that nothing else signed with this key passes for a token. */
function signatureOf({ appId, etcMemberNo }: MemberKey, expires: string, key: Buffer): string {
  const text = `member-page.${VERSION}.${appId}.${etcMemberNo}.${expires}`;
  return createHmac('sha256', key).update(text, 'utf8').digest('base64url');
}
