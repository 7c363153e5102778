import { createHmac, createPrivateKey, randomBytes, timingSafeEqual } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { appendAudit } from '../audit/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Executor, Transaction } from '../platform/database/index.ts';
import { newAppId } from '../platform/ids.ts';
import type { Vault } from '../platform/vault.ts';
import { addressMatches } from '../platform/cidr.ts';
import { createAppCache } from './app-cache.ts';
import { appNotFound } from './app.ts';
import type { App, Apps } from './app.ts';
import { checkedNotifyUrl, newApp } from './create-app.ts';
import { generateRelayKey } from './keys.ts';
import * as store from './store.ts';
import { createAccessTokens } from './tokens.ts';

interface AppsDependencies {
  readonly db: Database;
  readonly vault: Vault;
  readonly clock: Clock;
}

const APP_ID = /^[A-Z0-9]{16}$/;
const NONCE_HELD_MS = 60_000;
const SECRET_BYTES = 32;

/** The column a secret belongs to: what is sealed for one place cannot be opened in another. */
type SecretColumn = 'app_secret' | 'webhook_secret' | 'relay_private_key';

/** Calling applications on PostgreSQL. Every change and its audit row are one transaction. */
export function createApps(dependencies: AppsDependencies): Apps {
  const { db, vault, clock } = dependencies;
  const cache = createAppCache(clock);
  // Neither changes while an application lives.
  const bodyKeys = new Map<string, KeyObject>();
  const webhookSecrets = new Map<string, string>();

  const place = (appId: string, column: SecretColumn): string => `app:${appId}:${column}`;
  const seal = (appId: string, column: SecretColumn, secret: string): Buffer =>
    vault.seal(Buffer.from(secret, 'utf8'), place(appId, column));
  const hashKey = vault.deriveKey('app_secret_hash');
  const hashOf = (secret: string): Buffer => createHmac('sha256', hashKey).update(secret, 'utf8').digest();
  const tokenKey = vault.deriveKey('app_access_token_hash');
  const tokenHash = (token: string): Buffer => createHmac('sha256', tokenKey).update(token, 'utf8').digest();

  async function open(appId: string, column: SecretColumn, key: keyof store.SealedSecrets): Promise<string> {
    const sealed = await store.findSealedSecrets(db, appId);
    if (sealed === undefined) throw appNotFound(appId);
    return vault.open(sealed[key], place(appId, column)).toString('utf8');
  }

  /** A change of one app with its audit row, in the caller's transaction or one of its own. */
  async function change<Result>(
    act: { appId: string; actor: string; action: string; detail?: Record<string, unknown> },
    apply: (executor: Executor) => Promise<Result | undefined>,
    outer?: Transaction,
  ): Promise<Result> {
    const { appId, actor, action, detail = {} } = act;
    const work = async (tx: Transaction): Promise<Result> => {
      const result = await apply(tx);
      if (result === undefined) throw appNotFound(appId);
      await appendAudit(tx, { appId, actor, action, subject: `app:${appId}`, detail, at: clock.now() });
      return result;
    };
    // Forgotten before and after: a reader in between may have kept what the transaction then changed.
    cache.forget(appId);
    const result = await (outer === undefined ? db.transaction().execute(work) : work(outer));
    cache.forget(appId);
    return result;
  }

  // What cannot be an app's id is not asked for: strangers write it, and PostgreSQL has texts it cannot take.
  const known = async (appId: string): Promise<store.KnownApp | undefined> =>
    APP_ID.test(appId) ? cache.get(appId, async () => store.findApp(db, appId)) : undefined;

  return {
    ...createAccessTokens({ db, clock, known, tokenHash, secretHash: hashOf }),

    async create(input) {
      const appId = newAppId();
      const checked = newApp(input, { appId, createdAt: clock.now() });
      const relayKey = await generateRelayKey();
      const app: App = { ...checked, relayPublicKey: relayKey.publicKey };
      const appSecret = randomBytes(SECRET_BYTES).toString('base64url');
      const webhookSecret = `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
      const row: store.NewAppRow = {
        app,
        appSecretSealed: seal(appId, 'app_secret', appSecret),
        appSecretHash: hashOf(appSecret),
        webhookSecretSealed: seal(appId, 'webhook_secret', webhookSecret),
        relayPrivateKeySealed: seal(appId, 'relay_private_key', relayKey.privateKey),
      };
      const { name, signType, allowIps, grants, allowWeakKey } = app;
      const detail = { name, signType, allowIps, grants, allowWeakKey };
      await change({ appId, actor: input.actor, action: 'app.create', detail }, async (tx) => {
        await store.insertApp(tx, row);
        return true;
      });
      return { app, appSecret, webhookSecret };
    },

    find: async (appId) => (await known(appId))?.app,
    findWithin: async (tx, appId) => (await store.findApp(tx, appId))?.app,
    list: async () => store.listApps(db),

    async rotateSecret(appId, actor) {
      const appSecret = randomBytes(SECRET_BYTES).toString('base64url');
      const secret = { sealed: seal(appId, 'app_secret', appSecret), hash: hashOf(appSecret) };
      await change({ appId, actor, action: 'app.rotate_secret' }, async (tx) =>
        (await store.updateSecret(tx, appId, secret)) ? true : undefined,
      );
      return { appSecret };
    },

    disable: async (appId, actor) =>
      change({ appId, actor, action: 'app.disable' }, async (tx) => store.updateDisabledAt(tx, appId, clock.now())),
    enable: async (appId, actor) =>
      change({ appId, actor, action: 'app.enable' }, async (tx) => store.updateDisabledAt(tx, appId, null)),

    async setNotifyUrl({ appId, notifyUrl, actor }, tx) {
      const url = checkedNotifyUrl(notifyUrl);
      // The query may carry a token of the receiver's.
      const shown = url.split(/[?#]/, 1)[0];
      const act = { appId, actor, action: 'app.set_notify_url', detail: { notifyUrl: shown } };
      return change(act, async (inner) => store.updateNotifyUrl(inner, appId, url), tx);
    },

    async noteUnsignedParams({ appId, apiCode, requestId }) {
      await db.transaction().execute(async (tx) => {
        const entry = { appId, actor: `app:${appId}`, action: 'gateway.unsigned_params', detail: { apiCode } };
        await appendAudit(tx, { ...entry, subject: `gateway_request:${requestId}`, at: clock.now() });
      });
    },

    secretOf: async (appId) => open(appId, 'app_secret', 'appSecret'),

    async webhookSecret(appId) {
      const known = webhookSecrets.get(appId);
      if (known !== undefined) return known;
      const secret = await open(appId, 'webhook_secret', 'webhookSecret');
      webhookSecrets.set(appId, secret);
      return secret;
    },

    async bodyKey(appId) {
      const ready = bodyKeys.get(appId);
      if (ready !== undefined) return ready;
      const key = createPrivateKey(await open(appId, 'relay_private_key', 'relayPrivateKey'));
      bodyKeys.set(appId, key);
      return key;
    },

    async relayPublicKey(appId) {
      const found = await known(appId);
      if (found === undefined) throw appNotFound(appId);
      return found.app.relayPublicKey;
    },

    claimNonce: async (appId, nonce, at) =>
      store.claimNonce(db, { appId, nonce, at, freeBefore: new Date(at.getTime() - NONCE_HELD_MS) }),
    pruneNonces: async () => store.deleteNoncesUntil(db, new Date(clock.now().getTime() - NONCE_HELD_MS)),

    async authorize({ appId, ip, bearer }) {
      const found = await known(appId);
      if (found === undefined) return 'unknown_app';
      const { app, secretHash } = found;
      // Hashes of one length are compared, so the time taken tells nothing of the secret, not even its length.
      const isKnown = bearer !== undefined && timingSafeEqual(secretHash, hashOf(bearer));
      if (!isKnown && !addressMatches(ip, app.allowIps)) return 'forbidden';
      return app.disabledAt === null ? 'ok' : 'disabled';
    },

    ipAllowed: (app, ip) => app.allowIps.length === 0 || addressMatches(ip, app.allowIps),
  };
}
