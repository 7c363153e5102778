import { execFileSync } from 'node:child_process';
import { createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import {
  ed25519PrivateKey,
  newEd25519Pair,
  standardWebhookHeaders,
  webhookSecretKey,
  type WebhookKeys,
} from './standard-webhooks.ts';

const secretOf = (byte: number): string => `whsec_${Buffer.alloc(32, byte).toString('base64')}`;
const [before, after, strange] = [secretOf(1), secretOf(2), secretOf(3)];
const pairs = [newEd25519Pair(), newEd25519Pair()];

function signaturesOf(headers: Record<string, string>, version: string): Buffer[] {
  const entries = (headers['webhook-signature'] ?? '').split(' ');
  return entries
    .filter((entry) => entry.startsWith(`${version},`))
    .map((entry) => Buffer.from(entry.slice(version.length + 1), 'base64'));
}

test('while two secrets are valid, a receiver that knows either of them accepts the message', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.uuid(), (text, id) => {
      const body = Buffer.from(text, 'utf8');
      const keys: WebhookKeys = {
        hmac: [after, before].map(webhookSecretKey),
        ed25519: [ed25519PrivateKey(pairs[0]!.privateKey)],
      };
      const headers = standardWebhookHeaders(id, new Date(), body, keys);
      for (const known of [before, after]) {
        expect(() => new Webhook(known).verify(body, headers, { jsonParse: false })).not.toThrow();
      }
      expect(() => new Webhook(strange).verify(body, headers)).toThrow('signature');
    }),
    { numRuns: 30 },
  );
});

test('v1a is ed25519 over id, timestamp and body, by each of the keys', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1_000 }), fc.uuid(), (bytes, id) => {
      const body = Buffer.from(bytes);
      const at = new Date(1_795_293_755_606);
      const ed25519 = pairs.map(({ privateKey }) => ed25519PrivateKey(privateKey));
      const signatures = signaturesOf(standardWebhookHeaders(id, at, body, { hmac: [], ed25519 }), 'v1a');
      const signed = Buffer.concat([Buffer.from(`${id}.1795293755.`), body]);
      expect(signatures).toHaveLength(2);
      for (const [place, { publicKey }] of pairs.entries()) {
        const x = Buffer.from(publicKey.slice('whpk_'.length), 'base64').toString('base64url');
        const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
        expect(verify(null, signed, key, signatures[place]!)).toBe(true);
        expect(verify(null, Buffer.concat([signed, Buffer.of(0)]), key, signatures[place]!)).toBe(false);
        expect(verify(null, signed, key, signatures[1 - place]!)).toBe(false);
      }
    }),
    { numRuns: 20 },
  );
});

test('openssl verifies v1a with the bytes of whpk_ behind the head of a public key', () => {
  const directory = mkdtempSync(join(tmpdir(), 'yinxin-ed25519-'));
  const file = (name: string, content: Buffer): string => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  try {
    const { privateKey, publicKey } = newEd25519Pair();
    const body = Buffer.from('{"订单":"A-1"}');
    const keys = { hmac: [], ed25519: [ed25519PrivateKey(privateKey)] };
    const [signature] = signaturesOf(standardWebhookHeaders('msg', new Date(5_000), body, keys), 'v1a');
    const raw = Buffer.from(publicKey.slice('whpk_'.length), 'base64');
    expect(raw).toHaveLength(32);
    const key = file('key.der', Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]));
    const message = file('message', Buffer.concat([Buffer.from('msg.5.'), body]));
    const words = ['pkeyutl', '-verify', '-pubin', '-keyform', 'DER', '-inkey', key, '-rawin', '-in', message];
    const told = execFileSync('openssl', [...words, '-sigfile', file('signature', signature!)], { stdio: 'pipe' });
    expect(told.toString()).toContain('Verified Successfully');
  } finally {
    rmSync(directory, { recursive: true });
  }
});
