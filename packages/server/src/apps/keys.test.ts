import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { generateRelayKey, readPublicKey } from './keys.ts';

const strong = generateKeyPairSync('rsa', { modulusLength: 2048 });
const spki = strong.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const der = strong.publicKey.export({ type: 'spki', format: 'der' });

function certificate(): { pem: string; der: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), 'yinxin-keys-'));
  try {
    const key = join(folder, 'key.pem');
    const made = [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      key,
      '-subj',
      '/CN=partner',
      '-days',
      '1',
    ];
    const pem = execFileSync('openssl', made, { stdio: ['ignore', 'pipe', 'ignore'] });
    return { pem: pem.toString(), der: execFileSync('openssl', ['x509', '-outform', 'DER'], { input: pem }) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('readPublicKey', () => {
  test('takes PEM, PKCS#1 and Base64 DER, wrapped or not, as one key', () => {
    const pkcs1 = strong.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString();
    const base64 = der.toString('base64');
    const wrapped = base64.replaceAll(/(.{64})/g, '$1\r\n');
    for (const form of [spki, `\n${spki}\n`, pkcs1, base64, wrapped]) expect(readPublicKey(form, false)).toBe(spki);
  });

  test('takes a certificate, as PEM or Base64 DER', () => {
    const made = certificate();
    const key = readPublicKey(made.pem, false);
    expect(createPublicKey(key).asymmetricKeyDetails?.modulusLength).toBe(2048);
    expect(readPublicKey(made.der.toString('base64'), false)).toBe(key);
  });

  test('takes 1024 bits only where the app opts in, and never less', () => {
    const pem = (modulusLength: number): string =>
      generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const weak = pem(1024);
    expect(() => readPublicKey(weak, false)).toThrow('app_invalid');
    expect(readPublicKey(weak, true)).toBe(weak);
    expect(() => readPublicKey(pem(512), true)).toThrow('app_invalid');
  });

  test('refuses a private key, another algorithm and what is no key', () => {
    const pkcs8 = strong.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
    const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey;
    const pkcs8Der = strong.privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64');
    const others = [ec, pss].map((key) => key.export({ type: 'spki', format: 'pem' }).toString());
    for (const text of [
      pkcs8,
      pkcs8Der,
      ...others,
      '',
      'AAAA',
      'not a key',
      spki.replace('MII', 'MIX'),
      'A'.repeat(20_000),
    ]) {
      expect(() => readPublicKey(text, false)).toThrow('app_invalid');
    }
  });
});

test('two relay keys are never the same', async () => {
  const [one, two] = await Promise.all([generateRelayKey(), generateRelayKey()]);
  expect(one.privateKey).not.toBe(two.privateKey);
  expect(createPublicKey(one.privateKey).export({ type: 'spki', format: 'pem' })).toBe(one.publicKey);
});
