import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, webcrypto } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createEncrypter, encryptBody, readEncryptionKey } from './payload-encryption.ts';

const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const publicKeyPem = pair.publicKey.export({ format: 'pem', type: 'spki' }).toString();
const privateKeyPem = pair.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
const encrypter = createEncrypter({ algorithm: 'RSA-OAEP-256', publicKeyPem, keyId: 'partner-1' });

const part = (jwe: string, place: number): Buffer => Buffer.from(jwe.split('.')[place] ?? '', 'base64url');

/** Opens the content with a content key that somebody else decrypted, through Web Cryptography. */
async function openContent(jwe: string, contentKey: Uint8Array): Promise<Buffer> {
  const key = await webcrypto.subtle.importKey('raw', Buffer.from(contentKey), 'AES-GCM', false, ['decrypt']);
  const additionalData = Buffer.from(jwe.split('.')[0] ?? '', 'ascii');
  const sealed = Buffer.concat([part(jwe, 3), part(jwe, 4)]);
  return Buffer.from(
    await webcrypto.subtle.decrypt({ name: 'AES-GCM', iv: part(jwe, 2), additionalData }, key, sealed),
  );
}

async function decryptWithWebCryptography(jwe: string): Promise<Buffer> {
  const der = pair.privateKey.export({ format: 'der', type: 'pkcs8' });
  const key = await webcrypto.subtle.importKey('pkcs8', der, { name: 'RSA-OAEP', hash: 'SHA-256' }, false, ['decrypt']);
  return openContent(jwe, new Uint8Array(await webcrypto.subtle.decrypt({ name: 'RSA-OAEP' }, key, part(jwe, 1))));
}

test('a body of any bytes is what its receiver decrypts, and each is under a key of its own', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 5_000 }), async (bytes) => {
      const body = Buffer.from(bytes);
      const [one, other] = [
        encryptBody(body, encrypter).toString('ascii'),
        encryptBody(body, encrypter).toString('ascii'),
      ];
      expect(await decryptWithWebCryptography(one)).toEqual(body);
      expect(one).toMatch(/^[\w-]+(\.[\w-]*){4}$/);
      for (const place of [1, 2, 4]) expect(part(one, place)).not.toEqual(part(other, place));
    }),
    { numRuns: 20 },
  );
});

test('the header says how, and whose key it is; a changed one is told', async () => {
  const jwe = encryptBody(Buffer.from('{}'), encrypter).toString('ascii');
  const header = { alg: 'RSA-OAEP-256', enc: 'A256GCM', cty: 'json', kid: 'partner-1' };
  expect(JSON.parse(part(jwe, 0).toString())).toEqual(header);
  const changed = Buffer.from(JSON.stringify({ ...header, kid: 'other' })).toString('base64url');
  await expect(decryptWithWebCryptography([changed, ...jwe.split('.').slice(1)].join('.'))).rejects.toThrow();
});

test('openssl decrypts the content key: OAEP with SHA-256 in both places', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'yinxin-jwe-'));
  try {
    const jwe = encryptBody(Buffer.from('{"code":"000"}'), encrypter).toString('ascii');
    writeFileSync(join(directory, 'key.pem'), privateKeyPem);
    writeFileSync(join(directory, 'encrypted'), part(jwe, 1));
    const options = ['rsa_padding_mode:oaep', 'rsa_oaep_md:sha256', 'rsa_mgf1_md:sha256'].flatMap((it) => [
      '-pkeyopt',
      it,
    ]);
    const files = ['-inkey', join(directory, 'key.pem'), '-in', join(directory, 'encrypted')];
    const contentKey = execFileSync('openssl', ['pkeyutl', '-decrypt', ...files, ...options], { stdio: 'pipe' });
    expect((await openContent(jwe, contentKey)).toString()).toBe('{"code":"000"}');
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('only an RSA public key of a fit size is taken', () => {
  const pem = (bits: number): string =>
    generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ format: 'pem', type: 'pkcs1' }).toString();
  const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'pem', type: 'spki' });
  expect(readEncryptionKey(publicKeyPem)).toEqual({ publicKeyPem });
  expect(readEncryptionKey(pair.publicKey.export({ format: 'pem', type: 'pkcs1' }).toString())).toEqual({
    publicKeyPem,
  });
  for (const bad of ['', 'x', pem(1024), elliptic.toString(), privateKeyPem]) {
    expect(readEncryptionKey(bad)).toMatchObject({ expected: expect.stringContaining('RSA public key') });
  }
});
