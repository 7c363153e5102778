import { createPrivateKey, createPublicKey, verify } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError } from '../../platform/errors.ts';
import type { Vault } from '../../platform/vault.ts';
import { readCertificate } from '../certificate-reader.ts';
import { readPkcs12 } from './pkcs12.ts';
import type { KeyBundle } from './pkcs12.ts';
import type { Pkcs11Keys } from './pkcs11.ts';
import type { SigningKey } from './signing-key.ts';
import { softwareKey } from './software-key.ts';

/**
 * Where a private key rests. `database`: sealed under the master key. `pkcs12`: in a file of the folder for keys, its
 * passphrase sealed in the database, so that neither is enough. `pkcs11`: in a token, its PIN in the configuration.
 */
export type KeyPlace =
  | { store: 'database'; sealed: Buffer }
  | { store: 'pkcs12'; fileName: string; sealed: Buffer }
  | { store: 'pkcs11'; reference: string };

export type KeyStores = {
  /**
   * The key that a certificate (DER) is for.
   *
   * @param context for the vault: what was sealed for one holder opens for no other
   * @throws DomainError `key_mismatch` where the key is another's, `key_file_missing`, `pkcs12_invalid`, `pkcs11_failed`
   */
  open(place: KeyPlace, certificate: Buffer, context: string): Promise<SigningKey>;
  /** What a PKCS#12 file in the folder for keys holds. */
  readFile(fileName: string, passphrase: string): Promise<KeyBundle>;
  close(): Promise<void>;
};

type Options = { vault: Pick<Vault, 'open'>; keysFolder: string | null; pkcs11: Pkcs11Keys };

/** One face for the three places. */
export function createKeyStores({ vault, keysFolder, pkcs11 }: Options): KeyStores {
  async function readKeyFile(fileName: string, passphrase: string): Promise<KeyBundle> {
    if (keysFolder === null || !/^[\w][\w.-]{0,99}$/.test(fileName))
      throw new DomainError('key_file_missing', { fileName });
    const file = await readFile(join(keysFolder, fileName)).catch((error: unknown) => {
      throw new DomainError('key_file_missing', { fileName }, { cause: error });
    });
    return readPkcs12(file, passphrase);
  }

  async function opened(place: KeyPlace, publicKey: Buffer, context: string): Promise<SigningKey> {
    if (place.store === 'pkcs11') return pkcs11.open(place.reference, publicKey);
    const opening = vault.open(place.sealed, context);
    const privateKey =
      place.store === 'database'
        ? createPrivateKey({ key: opening, format: 'der', type: 'pkcs8' })
        : (await readKeyFile(place.fileName, opening.toString('utf8'))).privateKey;
    return softwareKey(privateKey);
  }

  return {
    readFile: readKeyFile,

    async open(place, certificate, context) {
      const publicKey = readCertificate(certificate).publicKeyInfo;
      const key = await opened(place, publicKey, context);
      // Of a key in a token a signature alone shows whose it is.
      const fits = place.store === 'pkcs11' ? await signsFor(key, publicKey) : key.publicKey.equals(publicKey);
      if (!fits) throw new DomainError('key_mismatch');
      return key;
    },

    close: () => pkcs11.close(),
  };
}

async function signsFor(key: SigningKey, publicKey: Buffer): Promise<boolean> {
  const probe = Buffer.from('yinxin key probe');
  const signature = await key.sign(probe);
  return verify('sha256', probe, createPublicKey({ key: publicKey, format: 'der', type: 'spki' }), signature);
}
