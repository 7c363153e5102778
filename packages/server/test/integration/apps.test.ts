import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, describe, expect, test } from 'vitest';
import { createApps } from '../../src/apps/index.ts';
import type { CreateAppInput } from '../../src/apps/index.ts';
import { listAudit } from '../../src/audit/index.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createTestDatabase } from '../support/database.ts';

const database = await createTestDatabase();
afterAll(() => database.drop());

const time = { now: new Date('2026-11-21T08:00:00.000Z') };
const vault = createVault(Buffer.alloc(32, 3));
const clock = { now: () => time.now };
const apps = createApps({ db: database.db, vault, clock });
/** Another node on the same database. */
const neighbour = createApps({ db: database.db, vault, clock });

const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
const make = async (input: Partial<CreateAppInput> = {}) =>
  apps.create({ name: '房友', publicKey: pem, actor: 'operator', ...input });

describe('create', () => {
  test('fills in the defaults, and * for no grant named', async () => {
    const { app, appSecret, webhookSecret } = await make();
    expect(app).toEqual({
      appId: expect.stringMatching(/^[A-Z0-9]{16}$/),
      name: '房友',
      publicKey: pem,
      signType: 'RSA2',
      relayPublicKey: expect.stringContaining('BEGIN PUBLIC KEY'),
      allowIps: [],
      notifyUrl: null,
      grants: ['*'],
      notifyCode: 'sign_process',
      allowWeakKey: false,
      refuseNestedParams: false,
      ratePerSecondMax: 200,
      disabledAt: null,
      createdAt: time.now,
    });
    expect(Buffer.from(appSecret, 'base64url')).toHaveLength(32);
    expect(Buffer.from(webhookSecret.replace(/^whsec_/, ''), 'base64')).toHaveLength(32);
    expect(await apps.find(app.appId)).toEqual(app);
    expect(await apps.list()).toContainEqual(app);
    expect(await apps.secretOf(app.appId)).toBe(appSecret);
    expect(await apps.webhookSecret(app.appId)).toBe(webhookSecret);
  });

  test('keeps no secret in the clear, in the table or in the audit', async () => {
    const { app, appSecret, webhookSecret } = await make();
    const { rows } = await sql`select app.*::text from app`.execute(database.db);
    const audit = await listAudit(database.db, { appId: app.appId, limit: 10 });
    expect(audit).toMatchObject([{ action: 'app.create', actor: 'operator', subject: `app:${app.appId}` }]);
    const stored = JSON.stringify([rows, audit]);
    const hex = (text: string): string => Buffer.from(text).toString('hex');
    for (const secret of [appSecret, webhookSecret, 'PRIVATE KEY']) {
      expect(stored).not.toContain(secret);
      expect(stored).not.toContain(hex(secret));
    }
  });

  test('no two apps share a relay key or a secret', async () => {
    const [one, two] = await Promise.all([make(), make()]);
    expect(one.app.relayPublicKey).not.toBe(two.app.relayPublicKey);
    expect(one.appSecret).not.toBe(two.appSecret);
    expect(one.webhookSecret).not.toBe(two.webhookSecret);
    const key = await apps.bodyKey(one.app.appId);
    expect(createPublicKey(key.export({ type: 'pkcs8', format: 'pem' })).export({ type: 'spki', format: 'pem' })).toBe(
      one.app.relayPublicKey,
    );
    expect(await apps.bodyKey(one.app.appId)).toBe(key);
    expect(await neighbour.relayPublicKey(two.app.appId)).toBe(two.app.relayPublicKey);
  });

  test.each<[Partial<CreateAppInput>, string]>([
    [{ name: ' ' }, 'name'],
    [{ name: '名'.repeat(65) }, 'name'],
    [{ name: 'a\u0000' }, 'name'],
    [{ publicKey: 'nonsense' }, 'public_key'],
    [{ allowIps: ['10.0.0.0/8', 'localhost'] }, 'allow_ips'],
    [{ notifyUrl: 'file:///etc/passwd' }, 'notify_url'],
    [{ grants: ['*', 'esign.signflows.query'] }, 'grants'],
    [{ grants: ['a b'] }, 'grants'],
    [{ ratePerSecondMax: 0 }, 'rate_per_second_max'],
    [{ ratePerSecondMax: 1.5 }, 'rate_per_second_max'],
  ])('%j is refused by the name of its field', async (input, field) => {
    await expect(make(input)).rejects.toMatchObject({ code: 'app_invalid', params: { field } });
  });

  test('addresses are kept in their canonical form', async () => {
    const { app } = await make({ allowIps: ['10.1.2.3/8', '::ffff:192.0.2.1', '2001:DB8::1', '10.0.0.0/8'] });
    expect(app.allowIps).toEqual(['10.0.0.0/8', '192.0.2.1/32', '2001:db8::1/128']);
    expect((await neighbour.find(app.appId))?.allowIps).toEqual(app.allowIps);
  });
});

describe('a change', () => {
  test('is seen at once where it was made and within a second elsewhere', async () => {
    const { app } = await make();
    expect((await neighbour.find(app.appId))?.disabledAt).toBeNull();
    await apps.disable(app.appId, 'operator');
    expect((await apps.find(app.appId))?.disabledAt).toEqual(time.now);
    expect((await neighbour.find(app.appId))?.disabledAt).toBeNull();
    const first = time.now;
    time.now = new Date(first.getTime() + 1_000);
    expect((await neighbour.find(app.appId))?.disabledAt).toEqual(first);
    expect((await apps.disable(app.appId, 'operator')).disabledAt).toEqual(first);
    expect((await apps.enable(app.appId, 'operator')).disabledAt).toBeNull();
    const audit = await listAudit(database.db, { appId: app.appId, limit: 10 });
    expect(audit.map((entry) => entry.action)).toEqual(['app.enable', 'app.disable', 'app.disable', 'app.create']);
  });

  test('and its audit row stand or fall with the caller’s transaction', async () => {
    const { app } = await make();
    const change = { appId: app.appId, notifyUrl: 'https://partner.example.com', actor: 'operator' };
    const failed = database.db.transaction().execute(async (tx) => {
      await apps.setNotifyUrl(change, tx);
      throw new Error('later');
    });
    await expect(failed).rejects.toThrow('later');
    time.now = new Date(time.now.getTime() + 1_000);
    expect((await apps.find(app.appId))?.notifyUrl).toBeNull();
    expect(await listAudit(database.db, { appId: app.appId, limit: 10 })).toHaveLength(1);
  });

  test('of an app that is not there says so', async () => {
    for (const act of [
      async () => apps.disable('X', 'operator'),
      async () => apps.rotateSecret('X', 'operator'),
      async () => apps.secretOf('X'),
      async () => apps.bodyKey('X'),
      async () => apps.relayPublicKey('X\u0000'),
    ]) {
      await expect(act()).rejects.toMatchObject({ code: 'app_not_found' });
    }
  });
});

describe('relay callers', () => {
  test('come in by address or by secret, and an empty list lets nobody in without it', async () => {
    const open = await make();
    const listed = await make({ allowIps: ['127.0.0.0/8'] });
    const ask = async (appId: string, ip: string, bearer?: string) => apps.authorize({ appId, ip, bearer });
    expect(await ask('NOBODYNOBODYNOBO', '127.0.0.1', 'x')).toBe('unknown_app');
    expect(await ask(open.app.appId, '127.0.0.1')).toBe('forbidden');
    expect(await ask(open.app.appId, '127.0.0.1', listed.appSecret)).toBe('forbidden');
    expect(await ask(open.app.appId, '127.0.0.1', '')).toBe('forbidden');
    expect(await ask(open.app.appId, '192.0.2.1', open.appSecret)).toBe('ok');
    expect(await ask(listed.app.appId, '::ffff:127.0.0.9')).toBe('ok');
    expect(await ask(listed.app.appId, '192.0.2.1')).toBe('forbidden');
    await apps.disable(listed.app.appId, 'operator');
    expect(await ask(listed.app.appId, '127.0.0.1')).toBe('disabled');
    expect(await ask(listed.app.appId, '192.0.2.1')).toBe('forbidden');
  });

  test('a new secret ends the old one', async () => {
    const { app, appSecret } = await make();
    const bearerOf = async (bearer: string) => apps.authorize({ appId: app.appId, ip: '192.0.2.1', bearer });
    expect(await bearerOf(appSecret)).toBe('ok');
    const rotated = await apps.rotateSecret(app.appId, 'operator');
    expect(await bearerOf(appSecret)).toBe('forbidden');
    expect(await bearerOf(rotated.appSecret)).toBe('ok');
  });
});

describe('nonces', () => {
  test('of many claims at once on two nodes one wins, and again after a minute', async () => {
    const { app } = await make();
    const claim = async (at: Date) =>
      Promise.all(
        Array.from({ length: 20 }, async (_, index) =>
          (index % 2 ? apps : neighbour).claimNonce(app.appId, 'ABC123', at),
        ),
      );
    const won = (claims: boolean[]): number => claims.filter(Boolean).length;
    expect(won(await claim(time.now))).toBe(1);
    expect(won(await claim(new Date(time.now.getTime() + 59_999)))).toBe(0);
    expect(won(await claim(new Date(time.now.getTime() + 60_000)))).toBe(1);
  });

  test('are pruned when their minute is over, and no sooner', async () => {
    const { app } = await make();
    await apps.pruneNonces();
    await apps.claimNonce(app.appId, 'OLD', new Date(time.now.getTime() - 60_000));
    await apps.claimNonce(app.appId, 'NEW', time.now);
    expect(await apps.pruneNonces()).toBe(1);
    expect(await apps.claimNonce(app.appId, 'NEW', time.now)).toBe(false);
    expect(await apps.claimNonce(app.appId, 'OLD', time.now)).toBe(true);
  });
});
