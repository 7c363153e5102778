import { createHash, generateKeyPairSync, verify, webcrypto, X509Certificate } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import { sql } from 'kysely';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { listAudit } from '../../src/audit/index.ts';
import type { Attempt, CalleeChange, Delivery } from '../../src/relay/index.ts';
import { certificatesFinding } from '../../src/service/certificates.ts';
import { createTestDatabase } from '../support/database.ts';
import { answerOf, makeCertificates, startPeer } from '../support/peers.ts';
import { ACKNOWLEDGED, startReceiver, type Behaviour, type Receiver } from '../support/receiver.ts';
import {
  APP_ID,
  APP_SECRET,
  eventually,
  OTHER_APP_ID,
  startRelayService,
  WEBHOOK_SECRET,
} from '../support/relay-service.ts';

const database = await createTestDatabase();
const service = await startRelayService({ database, limits: { attemptTimeoutMs: 10_000 } });
const { relay, clock } = service;
const receivers: Receiver[] = [];

afterEach(async () => {
  await Promise.all(receivers.splice(0).map((receiver) => receiver.close()));
});
afterAll(async () => {
  await service.stop();
  await database.drop();
});

async function receiver(behaviour: Behaviour): Promise<Receiver> {
  const started = await startReceiver(behaviour);
  receivers.push(started);
  return started;
}

const HOUR_MS = 3_600_000;
const set = (calleeNo: string, change: Partial<CalleeChange>) =>
  relay.setCallee({ appId: APP_ID, calleeNo, actor: 'operator', ...change });
const rotate = (calleeNo: string, kind: 'webhook' | 'ed25519' | 'body', overlapMs?: number) =>
  relay.rotateCalleeSecret({
    appId: APP_ID,
    calleeNo,
    kind,
    actor: 'operator',
    ...(overlapMs !== undefined && { overlapMs }),
  });
const send = (calleeNo: string, content = '{"n":1}') =>
  relay.accept({ appId: APP_ID, callerNo: null, messageType: 'T', content, destination: { calleeNo } });

function inState(requestId: string, state: Delivery['state']): Promise<Delivery> {
  return eventually(async () => {
    const delivery = await relay.showDelivery(requestId);
    return delivery?.state === state && delivery;
  });
}

async function lastAttempt(requestId: string): Promise<Attempt> {
  return eventually(async () => (await relay.showDelivery(requestId))?.attemptList.at(-1));
}

const signaturesOf = ({ headers }: { headers: Record<string, unknown> }): string[] =>
  String(headers['webhook-signature']).split(' ');

describe('the URL and its versions', () => {
  test.each([
    ['newest', 'fresh'],
    ['pinned', 'old'],
  ] as const)(
    '%s: a message that was accepted before the change is tried again at the %s URL',
    async (urlPinning, at) => {
      const old = await receiver((_receipt, nth) => (nth === 1 ? { status: 500 } : ACKNOWLEDGED));
      const fresh = await receiver(() => ACKNOWLEDGED);
      await set(urlPinning, { url: old.url, urlPinning });
      const { requestId } = await send(urlPinning);
      await inState(requestId, 'waiting');
      await set(urlPinning, { url: fresh.url });
      expect((await send(urlPinning)).outcome).toBe('delivered');
      expect(fresh.receipts).toHaveLength(1);
      clock.advance(2_000);
      await inState(requestId, 'delivered');
      expect((await lastAttempt(requestId)).url).toBe(at === 'old' ? old.url : fresh.url);
      expect(old.receipts.length + fresh.receipts.length).toBe(3);
    },
  );

  test('every change of it is a version that says who and when; the same URL again is none', async () => {
    const urls = [
      'http://127.0.0.1:7999/1',
      'http://127.0.0.1:7999/2',
      'http://127.0.0.1:7999/2',
      'http://127.0.0.1:7999/1',
    ];
    for (const url of urls) await set('versions', { url });
    expect(await set('versions', { enabled: false })).toMatchObject({ urlVersion: 3, url: urls[0] });
    const kept = await relay.listCalleeUrls(APP_ID, 'versions');
    expect(kept.map(({ version, url }) => [version, url])).toEqual([
      [3, urls[0]],
      [2, urls[1]],
      [1, urls[0]],
    ]);
    expect(kept[0]).toMatchObject({ setBy: 'operator', setAt: clock.now() });
    await expect(relay.listCalleeUrls(OTHER_APP_ID, 'versions')).rejects.toMatchObject({ code: 'callee_not_found' });
  });
});

describe('answers', () => {
  test('a rule for "never again" ends the delivery at once', async () => {
    const destination = await receiver(() => ({ status: 422, body: '{"error":"unknown order"}' }));
    await set('never', { url: destination.url, refuse: [{ kind: 'json', path: 'error', value: 'unknown order' }] });
    expect(await send('never')).toMatchObject({ outcome: 'failed', reason: 'refused_by_rule' });
    expect(destination.receipts).toHaveLength(1);
  });

  test('a rule for "try after" moves the next try, where it asks for more than the schedule', async () => {
    const destination = await receiver(() => ({ body: '{"code":"busy","wait":90}' }));
    await set('later', { url: destination.url, retryAfter: { path: 'wait' }, delaysMs: [1_000, 1_000] });
    const { requestId } = await send('later');
    const { dueAt } = await inState(requestId, 'waiting');
    expect(dueAt!.getTime() - clock.now().getTime()).toBe(90_000);
  });

  test('a timeout of its own ends a try that hangs, long before the relay’s own', async () => {
    const destination = await receiver(() => null);
    await set('slow', { url: destination.url, attemptTimeoutMs: 200 });
    const { requestId } = await send('slow');
    await inState(requestId, 'waiting');
    expect(await lastAttempt(requestId)).toMatchObject({ reason: 'response_timeout' });
    await expect(set('slow', { attemptTimeoutMs: 10_001 })).rejects.toMatchObject({
      params: { field: 'attempt_timeout_ms' },
    });
  });
});

describe('keys', () => {
  test('while a rotation overlaps, receivers with the old secret and with the new one accept; then only the new', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    await set('rotating', { url: destination.url });
    const first = await rotate('rotating', 'webhook', HOUR_MS);
    expect(first.callee.credentials.previousWebhookSecretUntil).toEqual(new Date(clock.now().getTime() + HOUR_MS));
    await send('rotating');
    const [during] = destination.receipts;
    expect(signaturesOf(during!)).toHaveLength(2);
    const headersOf = (receipt: typeof during) => receipt!.headers as Record<string, string>;
    for (const secret of [first.webhookSecret!, WEBHOOK_SECRET]) {
      const sentAt = Number(headersOf(during)['webhook-timestamp']) * 1_000;
      const signed = new Webhook(secret).sign(during!.webhookId, new Date(sentAt), during!.body.toString());
      expect(signaturesOf(during!)).toContain(signed);
    }
    clock.advance(HOUR_MS);
    await send('rotating');
    expect(signaturesOf(destination.receipts[1]!)).toHaveLength(1);
    expect(await relay.showCallee(APP_ID, 'rotating')).toMatchObject({
      hasOwnSecret: true,
      credentials: { previousWebhookSecretUntil: null },
    });
  });

  test('ed25519: v1a stands beside v1, over the same bytes', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    await set('ed', { url: destination.url });
    const { callee, webhookSecret } = await rotate('ed', 'ed25519');
    expect(webhookSecret).toBeNull();
    await send('ed');
    const receipt = destination.receipts[0]!;
    const signature = signaturesOf(receipt).find((entry) => entry.startsWith('v1a,'))!;
    const raw = Buffer.from(callee.credentials.ed25519[0]!.publicKey.slice('whpk_'.length), 'base64');
    const key = { key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' } as const;
    const head = `${receipt.webhookId}.${String(receipt.headers['webhook-timestamp'])}.`;
    const signed = Buffer.concat([Buffer.from(head), receipt.body]);
    expect(verify(null, signed, key, Buffer.from(signature.slice(4), 'base64'))).toBe(true);
    expect((await set('ed', { ed25519: null })).credentials.ed25519).toEqual([]);
  });

  test('the envelope is signed by an RSA key of its own, made here or given', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    await set('rsa', { url: destination.url, signType: 'RSA2' });
    const { callee } = await rotate('rsa', 'body');
    await send('rsa');
    const own = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const bodyPrivateKeyPem = own.privateKey.export({ format: 'pem', type: 'pkcs1' }).toString();
    const given = await set('rsa', { bodyPrivateKeyPem });
    await send('rsa');
    const holds = (nth: number, publicKey: string): boolean => {
      const { sign, nonce, request_content, timestamp } = destination.receipts[nth]!.json as Record<string, string>;
      const text = `nonce=${nonce}&request_content=${request_content}&timestamp=${timestamp}`;
      return verify('RSA-SHA256', Buffer.from(text), publicKey, Buffer.from(sign!, 'base64'));
    };
    const keys = [callee, given].map(({ credentials }) => credentials.bodyPublicKeyPem!);
    expect(keys[1]).toBe(own.publicKey.export({ format: 'pem', type: 'spki' }));
    expect([holds(0, keys[0]!), holds(1, keys[1]!), holds(0, keys[1]!)]).toEqual([true, true, false]);
  });

  test('an encrypted body is JWE, and what is signed and recorded is what is sent', async () => {
    const peer = await startPeer({ onRequest: (socket) => socket.write(answerOf('{"code":"000"}')) });
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const publicKeyPem = pair.publicKey.export({ format: 'pem', type: 'spki' }).toString();
    const encryption = { algorithm: 'RSA-OAEP-256', publicKeyPem, keyId: 'p1' };
    await set('jwe', { url: `http://127.0.0.1:${peer.port}/`, encryption });
    const { requestId } = await send('jwe', '{"secret":"印信"}');
    const [head = '', body = ''] = peer.requests[0]!.split('\r\n\r\n');
    expect(head).toContain('content-type: application/jose\r\n');
    expect(body).not.toContain('印信');
    const [, , timestamp = ''] = /webhook-(timestamp): (\d+)/.exec(head) ?? [];
    const signature = new Webhook(WEBHOOK_SECRET).sign(requestId, new Date(Number(timestamp) * 1_000), body);
    expect(head).toContain(`webhook-signature: ${signature}`);
    expect((await lastAttempt(requestId)).requestSha256).toEqual(createHash('sha256').update(body).digest());

    const [header = '', encryptedKey, nonce, ciphertext, tag] = body.split('.');
    const bytes = (part = ''): Buffer => Buffer.from(part, 'base64url');
    const { subtle } = webcrypto;
    const der = pair.privateKey.export({ format: 'der', type: 'pkcs8' });
    const rsa = await subtle.importKey('pkcs8', der, { name: 'RSA-OAEP', hash: 'SHA-256' }, false, ['unwrapKey']);
    const unwrapped = { name: 'RSA-OAEP' };
    const key = await subtle.unwrapKey('raw', bytes(encryptedKey), rsa, unwrapped, 'AES-GCM', false, ['decrypt']);
    const gcm = { name: 'AES-GCM', iv: bytes(nonce), additionalData: Buffer.from(header) };
    const plain = Buffer.from(await subtle.decrypt(gcm, key, Buffer.concat([bytes(ciphertext), bytes(tag)])));
    expect(JSON.parse(plain.toString())).toMatchObject({ request_content: '{"secret":"印信"}', message_type: 'T' });
  });

  test('a client certificate is shown over TLS to a peer of the authority given, whose fingerprint is recorded', async () => {
    const server = makeCertificates('IP:127.0.0.1');
    const client = makeCertificates('DNS:relay.test');
    const peer = await startPeer({
      tls: { key: server.key, cert: server.cert, ca: client.authorityPem, requestCert: true, rejectUnauthorized: true },
      onRequest: (socket) => {
        const shown = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.fingerprint256 : undefined;
        const known = shown === new X509Certificate(client.cert).fingerprint256;
        socket.write(answerOf(known ? '{"code":"000"}' : '{"code":"strange"}'));
      },
    });
    const clientCertificate = { certificatePem: client.cert.toString(), privateKeyPem: client.key.toString() };
    const url = `https://127.0.0.1:${peer.port}/`;
    await set('mtls', { url, clientCertificate, authorityPem: server.authorityPem });
    const { requestId, outcome } = await send('mtls');
    expect(outcome).toBe('delivered');
    const fingerprint = createHash('sha256').update(new X509Certificate(server.cert).raw).digest();
    expect((await lastAttempt(requestId)).tlsFingerprint).toEqual(fingerprint);
    const plain = set('mtls', { url: `http://127.0.0.1:${peer.port}/` });
    await expect(plain).rejects.toMatchObject({ params: { field: 'url' } });

    expect(await certificatesFinding(database.db)).toMatchObject({ ok: false });
    await sql`update callee set credentials = jsonb_set(jsonb_set(credentials, '{client,notAfter}', '"2999-01-01T00:00:00Z"'),
      '{authority,notAfter}', '"2020-01-01T00:00:00Z"')`.execute(database.db);
    const { detail } = await certificatesFinding(database.db);
    expect(detail).toContain(`${APP_ID}/mtls (authority) on 2020-01-01`);
    expect(detail).not.toContain('(client)');
  });
});

describe('applications own their destinations', () => {
  test('another application’s number is no number: nothing is sent, nothing is told', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    await set('mine', { url: destination.url });
    const body = { callee_no: 'mine', app_id: OTHER_APP_ID, message_type: '', request_message: {} };
    const authorization = `Bearer ${APP_SECRET}-${OTHER_APP_ID}`;
    expect(await service.post(body, { authorization })).toMatchObject({ code: '404' });
    expect(await service.post({ ...body, app_id: APP_ID })).toMatchObject({ code: '000' });
    expect(destination.receipts).toHaveLength(1);
    expect(await relay.showCallee(OTHER_APP_ID, 'mine')).toBeNull();
    expect(await relay.listCallees(OTHER_APP_ID)).toEqual([]);
  });

  test('one number of two applications is two destinations, and an application’s own comes before the shared one', async () => {
    const [own, other, shared] = await Promise.all([1, 2, 3].map(() => receiver(() => ACKNOWLEDGED)));
    const base = { calleeNo: 'same', actor: 'operator' };
    await relay.setCallee({ ...base, appId: '*', url: shared!.url });
    await relay.setCallee({ ...base, appId: APP_ID, url: own!.url, inFlightMax: 7 });
    await send('same');
    const message = { callerNo: null, messageType: '', content: '{}', destination: { calleeNo: 'same' } };
    await relay.accept({ ...message, appId: OTHER_APP_ID });
    await relay.setCallee({ ...base, appId: OTHER_APP_ID, url: other!.url });
    await relay.accept({ ...message, appId: OTHER_APP_ID });
    expect([own, other, shared].map((each) => each!.receipts.length)).toEqual([1, 1, 1]);
    expect(await relay.showCallee(OTHER_APP_ID, 'same')).toMatchObject({ inFlightMax: null });
  });
});

test('changes made at once stand one after the other: no version is lost', async () => {
  const urls = Array.from({ length: 8 }, (_, index) => `http://127.0.0.1:7999/${index}`);
  await Promise.all(urls.map((url) => set('at-once', { url })));
  const kept = await relay.listCalleeUrls(APP_ID, 'at-once');
  expect(kept.map(({ version }) => version)).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
  expect(kept.map(({ url }) => url).toSorted()).toEqual(urls);
  expect((await relay.showCallee(APP_ID, 'at-once'))?.url).toBe(kept[0]?.url);
});

test('every act is audited, and neither audit nor log holds a secret or the path of a URL', async () => {
  const secret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
  await set('audited', { url: 'http://127.0.0.1:7999/path-secret', webhookSecret: secret });
  const { webhookSecret } = await rotate('audited', 'webhook');
  await rotate('audited', 'body');
  const entries = await listAudit(database.db, { appId: APP_ID, subject: 'callee:audited', limit: 10 });
  expect(entries.map(({ action }) => action).toSorted()).toEqual([
    'callee.rotate_secret',
    'callee.rotate_secret',
    'callee.set',
  ]);
  const written = JSON.stringify([entries, service.log, await relay.listCallees(APP_ID)]);
  for (const hidden of [secret, webhookSecret!, 'PRIVATE KEY', 'sealed']) expect(written).not.toContain(hidden);
  expect(JSON.stringify(entries)).not.toContain('path-secret');
  await expect(rotate('nowhere', 'webhook')).rejects.toMatchObject({ code: 'callee_not_found' });
});
