import { createPrivateKey, createPublicKey, ECDH, generateKeyPairSync } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { generateSm2Key, hasSm2, isSignedBySm2, isSm2Key, sm2Signer } from './sm2.ts';

const privateKey = await generateSm2Key();
const publicKey = createPublicKey(privateKey);
const signed = sm2Signer(privateKey);

test('the example of GM/T 0003.5 holds', () => {
  expect(hasSm2()).toBe(true);
});

test('whatever is signed holds for itself under its own key, and for nothing else', () => {
  const other = createPublicKey(generateKeyPairSync('ec', { namedCurve: 'SM2' }).privateKey);
  const bytes = fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each));
  fc.assert(
    fc.property(bytes, bytes, fc.nat(71), fc.integer({ min: 1, max: 255 }), (content, another, at, change) => {
      const signature = signed(content);
      expect(signature.length).toBeLessThanOrEqual(72);
      expect(isSignedBySm2(publicKey, content, signature)).toBe(true);
      expect(isSignedBySm2(other, content, signature)).toBe(false);
      expect(isSignedBySm2(publicKey, another, signature)).toBe(another.equals(content));
      const altered = Buffer.from(signature);
      altered[at % altered.length]! ^= change;
      expect(isSignedBySm2(publicKey, content, altered)).toBe(false);
    }),
    { numRuns: 200 },
  );
});

test('no two signatures are the same, so that nobody learns the key from them', () => {
  const signatures = Array.from({ length: 50 }, () => signed(Buffer.from('x')).toString('hex'));
  expect(new Set(signatures).size).toBe(50);
});

test('rubbish is no signature', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 90 }), (bytes) => {
      expect(isSignedBySm2(publicKey, Buffer.from('x'), Buffer.from(bytes))).toBe(false);
    }),
    { numRuns: 500 },
  );
});

test('a key is one of SM2 just made, read again, and with its point compressed; others are none', () => {
  const made = generateKeyPairSync('ec', { namedCurve: 'SM2' });
  const bytes = made.privateKey.export({ type: 'pkcs8', format: 'der' });
  const read = createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' });
  const spki = made.publicKey.export({ type: 'spki', format: 'der' });
  const point = ECDH.convertKey(spki.subarray(26), 'SM2', undefined, undefined, 'compressed') as Buffer;
  const head = [Buffer.from('3039', 'hex'), spki.subarray(2, 23), Buffer.from('032200', 'hex')];
  const compressed = createPublicKey({ key: Buffer.concat([...head, point]), format: 'der', type: 'spki' });
  const content = Buffer.from('合同');
  for (const key of [made.privateKey, read]) {
    expect(isSm2Key(key)).toBe(true);
    for (const by of [made.publicKey, createPublicKey(read), compressed]) {
      expect(isSm2Key(by)).toBe(true);
      expect(isSignedBySm2(by, content, sm2Signer(key)(content))).toBe(true);
    }
  }
  for (const other of [
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
    generateKeyPairSync('ed25519'),
  ]) {
    expect(isSm2Key(other.privateKey) || isSm2Key(other.publicKey)).toBe(false);
  }
});
