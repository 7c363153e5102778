import { generateKeyPairSync, verify } from 'node:crypto';
import * as fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { sealEnvelope, signedText } from './envelope.ts';
import { isWebhookSecret, standardWebhookHeaders, webhookSecretKey } from './standard-webhooks.ts';

const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const AT = new Date('2026-11-21T12:00:00.123Z');

describe('the target envelope', () => {
  test('has the contract’s members and a signature over nonce, request_content and timestamp', async () => {
    const content = '{"b":9007199254740993,"a":1.10,"a":1e2,"文":"\\u4e2d\\n"}';
    const message = { content, messageType: 'T', at: AT, nonce: 'aB3xY9', key: pair.privateKey };
    for (const [signType, digest] of [
      ['RSA', 'sha1'],
      ['RSA2', 'sha256'],
    ] as const) {
      const body = JSON.parse((await sealEnvelope({ ...message, signType })).toString('utf8'));
      expect(Object.keys(body)).toEqual(['sign', 'request_content', 'timestamp', 'nonce', 'message_type']);
      expect(body).toMatchObject({
        request_content: content,
        timestamp: 1_795_262_400_123,
        nonce: 'aB3xY9',
        message_type: 'T',
      });
      const text = `nonce=aB3xY9&request_content=${content}&timestamp=1795262400123`;
      expect(verify(digest, Buffer.from(text), pair.publicKey, Buffer.from(body.sign, 'base64'))).toBe(true);
    }
  });

  test('carries any content unchanged, and any change to what is signed breaks the signature', async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), fc.string(), async (content, messageType) => {
        const sealed = await sealEnvelope({
          content,
          messageType,
          at: AT,
          nonce: '000000',
          key: pair.privateKey,
          signType: 'RSA2',
        });
        const body = JSON.parse(sealed.toString('utf8'));
        expect(body.request_content).toBe(content);
        const part = { nonce: body.nonce, requestContent: body.request_content, timestamp: body.timestamp };
        const holds = (text: string) =>
          verify('sha256', Buffer.from(text), pair.publicKey, Buffer.from(body.sign, 'base64'));
        expect(holds(signedText(part))).toBe(true);
        expect(holds(signedText({ ...part, requestContent: `${content} ` }))).toBe(false);
      }),
      { numRuns: 30 },
    );
  });
});

describe('Standard Webhooks headers', () => {
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

  test('are accepted by the reference library for any body', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.uuid(), (text, id) => {
        const body = Buffer.from(text, 'utf8');
        const headers = standardWebhookHeaders(id, new Date(), body, { hmac: [webhookSecretKey(secret)], ed25519: [] });
        expect(() => new Webhook(secret).verify(body, headers, { jsonParse: false })).not.toThrow();
        expect(() => new Webhook(secret).verify(Buffer.concat([body, Buffer.from(' ')]), headers)).toThrow('signature');
        expect(headers['webhook-id']).toBe(id);
      }),
    );
  });

  test('a secret is whsec_ and the Base64 of 24 to 64 bytes', () => {
    expect(isWebhookSecret(secret)).toBe(true);
    for (const bad of [
      'whsec_',
      secret.slice(6),
      'whsec_abc',
      `whsec_${Buffer.alloc(23).toString('base64')}`,
      `${secret}=`,
    ]) {
      expect(isWebhookSecret(bad)).toBe(false);
    }
  });
});
