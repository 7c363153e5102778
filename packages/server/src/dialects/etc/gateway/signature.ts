import { createPublicKey, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { App, SignType } from '../../../apps/index.ts';

const verifyOffThread = promisify<string, Buffer, KeyObject, Buffer, boolean>(verify);

const DIGEST = { RSA: 'sha1', RSA2: 'sha256' } as const satisfies Record<SignType, string>;

/** Parsed keys live as long as the app record they came from. */
const keys = new WeakMap<App, KeyObject>();

function keyOf(app: App): KeyObject {
  const known = keys.get(app);
  if (known !== undefined) return known;
  const key = createPublicKey(app.publicKey);
  keys.set(app, key);
  return key;
}

/**
 * Which algorithm a request is held to: the app's own, or the stronger one where the request names it. A request
 * cannot lower an app to SHA-1: `sign_type` is not covered by the signature, so whoever sits between could.
 *
 * @returns undefined where the request asks for less than the app's setting
 */
export function effectiveSignType(app: App, requested: SignType | undefined): SignType | undefined {
  if (app.signType === 'RSA2' && requested === 'RSA') return undefined;
  return requested ?? app.signType;
}

/** The bytes of a Base64 signature, line breaks allowed; undefined unless it is exactly what an encoder would write. */
export function signatureBytes(sign: string): Buffer | undefined {
  const text = sign.replaceAll(/[\r\n]/g, '');
  const bytes = Buffer.from(text, 'base64');
  // Buffer forgives stray characters and spare bits: one signature would have many spellings.
  return bytes.length > 0 && bytes.toString('base64') === text ? bytes : undefined;
}

/**
 * Whether `sign` is the app's RSA signature (PKCS #1 v1.5) over one of the texts in UTF-8. The arithmetic runs on a
 * thread of the pool.
 */
export async function signatureHolds(
  app: App,
  signType: SignType,
  texts: readonly string[],
  sign: string,
): Promise<boolean> {
  const bytes = signatureBytes(sign);
  if (bytes === undefined) return false;
  for (const text of texts) {
    if (await verifyOffThread(DIGEST[signType], Buffer.from(text, 'utf8'), keyOf(app), bytes)) return true;
  }
  return false;
}
