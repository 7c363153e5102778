import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { DomainError } from './errors.ts';

/** Keeps secrets at rest under the master key (design.md, rule 7). */
export interface Vault {
  /**
   * Encrypts. `context` says what and whose the secret is, such as `app/ABCD…/secret`: only the same context opens it, so
   * that a row copied onto another row is worth nothing.
   */
  seal(plain: Buffer, context: string): Buffer;
  /** @throws DomainError with a `VaultErrorCode` */
  open(sealed: Buffer, context: string): Buffer;
  /** 32 bytes that belong to `purpose` alone, the same after every start: to sign file URLs, to hash identifiers. */
  deriveKey(purpose: string): Buffer;
}

/**
 * `sealed_malformed`: not made by a vault. `sealed_by_other_key`: made under another master key. `sealed_unreadable`:
 * altered, or sealed for another context.
 */
export type VaultErrorCode = 'sealed_malformed' | 'sealed_by_other_key' | 'sealed_unreadable';

export const MASTER_KEY_BYTES = 32;

const CIPHER = 'aes-256-gcm';
const VERSION = 1;
const KEY_ID_BYTES = 4;
const HEADER_BYTES = 1 + KEY_ID_BYTES;
/** Random ones: safe for 2^32 secrets under one key (NIST SP 800-38D, 8.3). */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Sealed bytes are version (1), key id (4), nonce (12), ciphertext, tag (16). The key id is drawn from the master key and
 * tells a rotated key from a broken secret. Header and context are authenticated with the ciphertext.
 *
 * @throws Error when the master key is not 32 bytes long.
 */
export function createVault(masterKey: Buffer): Vault {
  if (masterKey.length !== MASTER_KEY_BYTES) throw new Error(`the master key has ${masterKey.length} bytes, not 32`);
  const sealKey = expand(masterKey, 'seal');
  const header = Buffer.concat([Buffer.of(VERSION), expand(masterKey, 'key-id').subarray(0, KEY_ID_BYTES)]);

  return {
    seal(plain, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, sealKey, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(associated(header, context));
      const encrypted = Buffer.concat([cipher.update(plain), cipher.final()]);
      return Buffer.concat([header, nonce, encrypted, cipher.getAuthTag()]);
    },
    open(sealed, context) {
      assertReadable(sealed, header);
      const nonceEnd = HEADER_BYTES + NONCE_BYTES;
      const tagStart = sealed.length - TAG_BYTES;
      const nonce = sealed.subarray(HEADER_BYTES, nonceEnd);
      const decipher = createDecipheriv(CIPHER, sealKey, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(associated(header, context));
      decipher.setAuthTag(sealed.subarray(tagStart));
      try {
        return Buffer.concat([decipher.update(sealed.subarray(nonceEnd, tagStart)), decipher.final()]);
      } catch (error) {
        throw new DomainError<VaultErrorCode>('sealed_unreadable', { context }, { cause: error });
      }
    },
    deriveKey: (purpose) => expand(masterKey, `derive/${purpose}`),
  };
}

function assertReadable(sealed: Buffer, header: Buffer): void {
  if (sealed.length < HEADER_BYTES + NONCE_BYTES + TAG_BYTES || sealed[0] !== VERSION) {
    throw new DomainError<VaultErrorCode>('sealed_malformed');
  }
  const keyId = sealed.subarray(1, HEADER_BYTES);
  if (!keyId.equals(header.subarray(1))) {
    throw new DomainError<VaultErrorCode>('sealed_by_other_key', {
      sealedUnder: keyId.toString('hex'),
      present: header.subarray(1).toString('hex'),
    });
  }
}

function associated(header: Buffer, context: string): Buffer {
  return Buffer.concat([header, Buffer.from(context)]);
}

/** HKDF-SHA-256 (RFC 5869). The master key is uniformly random, so it needs no salt. */
function expand(masterKey: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), `yinxin/1/${purpose}`, 32));
}
