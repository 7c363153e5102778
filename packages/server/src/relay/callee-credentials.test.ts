import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeCertificates, type TestCertificates } from '../../test/support/peers.ts';
import { isDomainError } from '../platform/errors.ts';
import { createVault } from '../platform/vault.ts';
import { changeCredentials } from './callee-credentials-change.ts';
import { viewCredentials, type CalleeCredentials } from './callee-credentials.ts';
import { createCalleeKeys, sealCalleeSecret, type CalleeSecret } from './callee-keys.ts';
import { rotateSecret, type StoredSecrets } from './callee-rotation.ts';
import type { CredentialsChange, SecretRotation } from './callee.ts';
import type { Destination } from './destination.ts';
import { ed25519PublicKey, webhookSecretKey } from './standard-webhooks.ts';

const vault = createVault(Buffer.alloc(32, 1));
const owner = { appId: '*', calleeNo: 'CRM' };
const seal = (what: CalleeSecret, secret: string): string => sealCalleeSecret(vault, owner, what, secret);
const now = new Date();
const later = (ms: number): Date => new Date(now.getTime() + ms);
const HOUR_MS = 3_600_000;
const APP_SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
const nothing: StoredSecrets = { webhookSecretSealed: null, credentials: null };

function destinationWith({ webhookSecretSealed, credentials }: StoredSecrets): Destination {
  return {
    ...owner,
    url: 'https://crm.example/',
    urlVersion: 1,
    urlPinning: 'newest',
    profile: 'etc-relay',
    signType: 'RSA',
    enabled: true,
    webhookSecretSealed,
    credentials,
    acknowledge: null,
    refuse: null,
    retryAfter: null,
    delaysMs: null,
    attemptTimeoutMs: null,
    inFlightMax: null,
    ratePerSecond: null,
    circuit: null,
    orderingKeyPath: null,
    orderingKeyHeader: null,
    latestOnly: false,
  };
}

const keysAt = (stored: StoredSecrets, at: Date) =>
  createCalleeKeys(vault).webhookKeys(destinationWith(stored), at, async () => APP_SECRET);
const rotate = (stored: StoredSecrets, more: Partial<SecretRotation> = {}, at = now) =>
  rotateSecret(stored, { ...owner, kind: 'webhook', actor: 'operator', ...more }, { at, seal });
const change = (stored: CalleeCredentials | null, asked: CredentialsChange) =>
  changeCredentials(stored, asked, { at: now, seal });

function fieldOf(asked: CredentialsChange): string {
  try {
    change(null, asked);
  } catch (error) {
    if (isDomainError(error, 'callee_invalid'))
      return `${error.params['field'] ?? ''}: ${error.params['expected'] ?? ''}`;
    throw error;
  }
  return 'accepted';
}

/** The HMAC keys that sign then, as bytes. */
const hmacAt = async (...about: Parameters<typeof keysAt>) => (await keysAt(...about)).hmac.map((key) => key.export());
const bytesOf = (secret: string) => webhookSecretKey(secret).export();

describe('rotation', () => {
  test('the first secret of its own stands beside the application’s until the overlap ends', async () => {
    const first = await rotate(nothing, { overlapMs: HOUR_MS });
    const own = bytesOf(first.webhookSecret!);
    expect(await hmacAt(first, later(HOUR_MS - 1))).toEqual([own, bytesOf(APP_SECRET)]);
    expect(await hmacAt(first, later(HOUR_MS))).toEqual([own]);
  });

  test('there are never more than two, and the newest comes first', async () => {
    const first = await rotate(nothing);
    const second = await rotate(first);
    const third = await rotate(second);
    const expected = [third, second].map(({ webhookSecret }) => bytesOf(webhookSecret!));
    expect(await hmacAt(third, now)).toEqual(expected);
    expect(await hmacAt(third, later(24 * HOUR_MS))).toEqual(expected.slice(0, 1));
  });

  test('without an overlap the one before ends at once; a secret that the other side made is not told again', async () => {
    const first = await rotate(nothing);
    const given = `whsec_${Buffer.alloc(24, 3).toString('base64')}`;
    const second = await rotate(first, { overlapMs: 0, webhookSecret: given });
    expect(second).toMatchObject({ webhookSecret: null, until: null, credentials: null });
    expect(await hmacAt(second, now)).toEqual([bytesOf(given)]);
  });

  test('ed25519: two keys sign while they overlap, and the public parts are told', async () => {
    const first = await rotate(nothing, { kind: 'ed25519' });
    const second = await rotate(first, { kind: 'ed25519', overlapMs: HOUR_MS });
    const view = viewCredentials(second.credentials, now);
    expect(view.ed25519.map(({ until }) => until)).toEqual([null, later(HOUR_MS)]);
    const { ed25519 } = await keysAt(second, now);
    const publicKeys = ed25519.map((key) => createPublicKey(key).export({ format: 'jwk' }));
    expect(publicKeys).toEqual(
      view.ed25519.map(({ publicKey }) => ed25519PublicKey(publicKey).export({ format: 'jwk' })),
    );
    expect((await keysAt(second, later(HOUR_MS))).ed25519).toHaveLength(1);
    expect(viewCredentials(second.credentials, later(HOUR_MS)).ed25519).toHaveLength(1);
  });

  test('body: a key of its own replaces the application’s', async () => {
    const { credentials } = await rotate(nothing, { kind: 'body' });
    const key = createCalleeKeys(vault).bodyKey(destinationWith({ ...nothing, credentials }));
    expect(createPublicKey(key!).export({ format: 'pem', type: 'spki' })).toBe(
      viewCredentials(credentials, now).bodyPublicKeyPem,
    );
  });

  test('a given secret must be one, and an overlap at most 30 days', async () => {
    await expect(rotate(nothing, { webhookSecret: 'secret' })).rejects.toThrow('callee_invalid');
    await expect(rotate(nothing, { kind: 'body', webhookSecret: APP_SECRET })).rejects.toThrow('callee_invalid');
    for (const overlapMs of [-1, 0.5, 31 * 24 * HOUR_MS]) {
      await expect(rotate(nothing, { overlapMs })).rejects.toThrow('callee_invalid');
    }
    await expect(rotate(nothing, { kind: 'body', overlapMs: HOUR_MS })).rejects.toThrow('callee_invalid');
  });

  test('a secret that was opened for one destination is not opened for another that holds the same bytes', async () => {
    const stored = await rotate(nothing, { overlapMs: 0 });
    const keys = createCalleeKeys(vault);
    const destination = destinationWith(stored);
    await keys.webhookKeys(destination, now, async () => APP_SECRET);
    const copied = keys.webhookKeys({ ...destination, calleeNo: 'OTHER' }, now, async () => APP_SECRET);
    await expect(copied).rejects.toThrow('sealed_unreadable');
  });
});

describe('certificates and keys', () => {
  let client: TestCertificates;
  let other: TestCertificates;
  beforeAll(() => {
    client = makeCertificates('DNS:client.test');
    other = makeCertificates('DNS:other.test');
  });
  const pemsOf = (certificates: TestCertificates) => ({
    certificatePem: certificates.cert.toString(),
    privateKeyPem: certificates.key.toString(),
  });

  test('a client certificate with its key is kept sealed, and given to egress', () => {
    const credentials = change(null, { clientCertificate: pemsOf(client), authorityPem: other.authorityPem });
    expect(JSON.stringify(credentials)).not.toContain('PRIVATE');
    const identity = createCalleeKeys(vault).tlsIdentity(destinationWith({ ...nothing, credentials }));
    expect(identity?.client?.certificatePem.trim()).toBe(client.cert.toString().trim());
    const key = createPrivateKey(identity!.client!.privateKeyPem);
    expect(key.equals(createPrivateKey(client.key))).toBe(true);
    expect(identity?.authorityPem?.trim()).toBe(other.authorityPem.trim());
    const view = viewCredentials(credentials, now);
    expect(view.clientCertificate).toMatchObject({ subject: 'CN=Test peer', expired: false });
    expect(viewCredentials(credentials, view.clientCertificate!.notAfter).clientCertificate?.expired).toBe(true);
  });

  test('a change of one part leaves the others, null takes it away', () => {
    const credentials = change(null, { clientCertificate: pemsOf(client), authorityPem: other.authorityPem });
    expect(change(credentials, { authorityPem: null })).toEqual({ client: credentials!.client });
    expect(change(credentials, { authorityPem: null, clientCertificate: null })).toBeNull();
  });

  test('what is expired, not a pair or not readable is refused by name', () => {
    const clientCertificate = pemsOf(client);
    const twoDaysAgo = () => changeCredentials(null, { clientCertificate }, { at: later(-48 * HOUR_MS), seal });
    expect(twoDaysAgo).toThrow('callee_invalid');
    const inThreeDays = () => changeCredentials(null, { clientCertificate }, { at: later(72 * HOUR_MS), seal });
    expect(inThreeDays).toThrow('callee_invalid');
    const mixed = { ...clientCertificate, privateKeyPem: other.key.toString() };
    expect(fieldOf({ clientCertificate: mixed })).toBe("client_private_key: the client certificate's own");
    expect(fieldOf({ clientCertificate: { ...clientCertificate, certificatePem: 'x' } })).toMatch(
      /^client_certificate/,
    );
    expect(fieldOf({ clientCertificate: { ...clientCertificate, privateKeyPem: 'x' } })).toMatch(/^client_private_key/);
    const broken = client.authorityPem.replace(/\n[A-Za-z0-9+/]{8}/, '\nAAAAAAAA');
    expect(fieldOf({ authorityPem: broken })).toMatch(/^authority/);
    const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = elliptic.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    expect(fieldOf({ bodyPrivateKeyPem: pem })).toMatch(/^body_private_key: an RSA private key/);
    expect(fieldOf({ encryption: { algorithm: 'RSA1_5', publicKeyPem: '' } })).toMatch(/^encryption.algorithm/);
    expect(fieldOf({ encryption: { algorithm: 'RSA-OAEP-256', publicKeyPem: 'x' } })).toMatch(/^encryption.public_key/);
  });
});
