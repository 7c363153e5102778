import { createHmac, timingSafeEqual } from 'node:crypto';

/** Which file a URL opens. */
export type FileKey = { appId: string; fileId: string };

/** A file URL's parts as a request brings them, all text and none of it trusted. */
export type FileUrlParts = FileKey & { expires: string; signature: string };

export type FileUrlCheck = { ok: true } | { ok: false; reason: 'expired' | 'forged' };

/**
 * A URL that opens one file until `expiresAt`, for whoever holds it:
 * `<baseUrl>/files/<appId>/<fileId>?expires=<Unix seconds>&signature=<Base64url>`. The signature is HMAC-SHA256 over
 * what the URL opens and for how long; the key stays with the service. Another kind of thing has a folder and a key of
 * its own.
 */
export function fileUrl(baseUrl: string, file: FileKey, expiresAt: Date, key: Buffer, folder = 'files'): string {
  const expires = String(Math.floor(expiresAt.getTime() / 1000));
  const signature = signatureOf(file, expires, key).toString('base64url');
  const path = `${folder}/${encodeURIComponent(file.appId)}/${encodeURIComponent(file.fileId)}`;
  return `${baseUrl.replace(/\/+$/, '')}/${path}?expires=${expires}&signature=${signature}`;
}

/** Whether the URL was made by `fileUrl` with this key and its time is not over. The comparison is constant in time. */
export function verifyFileUrl(parts: FileUrlParts, now: Date, key: Buffer): FileUrlCheck {
  const expected = signatureOf(parts, parts.expires, key);
  const given = Buffer.from(parts.signature, 'base64url');
  // Of the texts that decode to one signature only one was handed out.
  const genuine = given.length === expected.length && timingSafeEqual(given, expected);
  if (!genuine || given.toString('base64url') !== parts.signature) return { ok: false, reason: 'forged' };
  return Number(parts.expires) * 1000 > now.getTime() ? { ok: true } : { ok: false, reason: 'expired' };
}

/** Each part is led by its length, so that no two different URLs sign the same text. */
function signatureOf({ appId, fileId }: FileKey, expires: string, key: Buffer): Buffer {
  const text = ['file-url', appId, fileId, expires].map((part) => `${Buffer.byteLength(part)}:${part}`).join('');
  return createHmac('sha256', key).update(text).digest();
}
