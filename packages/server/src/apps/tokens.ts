import { randomBytes, timingSafeEqual } from 'node:crypto';
import { appendAudit } from '../audit/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Transaction } from '../platform/database/index.ts';
import type { AccessTokens, IssuedToken } from './app.ts';
import type { KnownApp } from './store.ts';
import * as store from './token-store.ts';

const MINUTE_MS = 60_000;
/** contracts/tsign-auth.md, OAuth mode. */
const TOKEN_LIFETIME_MS = 120 * MINUTE_MS;
const SUPERSEDED_AFTER_MS = 5 * MINUTE_MS;
/** The contract is silent here: a day, so that a client which rests over night need not send its secret again. */
const REFRESH_LIFETIME_MS = 24 * 60 * MINUTE_MS;
const TOKEN_BYTES = 32;
const TOKEN_LENGTH_MAX = 128;
/** As long as an app's record: what ended elsewhere ends here within this time. */
const FRESH_MS = 1_000;
const CACHED_MAX = 10_000;

interface TokenDependencies {
  readonly db: Database;
  readonly clock: Clock;
  /** The keyed hash under which tokens and refresh tokens are stored. */
  readonly tokenHash: (token: string) => Buffer;
  readonly secretHash: (secret: string) => Buffer;
  readonly known: (appId: string) => Promise<KnownApp | undefined>;
}

/** Access tokens on PostgreSQL: any node gives them out and any node knows them. */
export function createAccessTokens(dependencies: TokenDependencies): AccessTokens {
  const { db, clock, tokenHash, secretHash, known } = dependencies;
  const cache = new Map<string, store.StoredToken & { readonly readAt: number }>();

  /** A new pair; those before it go on for five minutes, since a client's other processes may hold them. */
  async function issue(tx: Transaction, appId: string, appSecretHash: Buffer): Promise<IssuedToken> {
    const now = clock.now();
    const after = (milliseconds: number): Date => new Date(now.getTime() + milliseconds);
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const refreshToken = randomBytes(TOKEN_BYTES).toString('base64url');
    const expiresAt = after(TOKEN_LIFETIME_MS);
    await store.endTokens(tx, appId, now, after(SUPERSEDED_AFTER_MS));
    await store.insertToken(tx, {
      appId,
      tokenHash: tokenHash(token),
      refreshTokenHash: tokenHash(refreshToken),
      secretHash: appSecretHash,
      issuedAt: now,
      expiresAt,
      refreshExpiresAt: after(REFRESH_LIFETIME_MS),
    });
    const detail = { expiresAt: expiresAt.toISOString() };
    const act = { appId, actor: `app:${appId}`, action: 'app.issue_token', subject: `app:${appId}` };
    await appendAudit(tx, { ...act, detail, at: now });
    return { token, refreshToken, expiresAt };
  }

  async function find(appId: string, hash: Buffer): Promise<store.StoredToken | undefined> {
    const key = `${appId} ${hash.toString('base64')}`;
    const now = clock.now().getTime();
    const cached = cache.get(key);
    if (cached !== undefined && Math.abs(now - cached.readAt) < FRESH_MS) return cached;
    const found = await store.findToken(db, appId, hash);
    cache.delete(key);
    if (found === undefined) return undefined;
    if (cache.size >= CACHED_MAX) cache.clear();
    cache.set(key, { ...found, readAt: now });
    return found;
  }

  return {
    async issueToken({ appId, secret }) {
      const claimed = secretHash(secret);
      const found = await known(appId);
      // Before the transaction, so that nobody locks an app's row by asking with another's secret.
      if (found === undefined || !timingSafeEqual(found.secretHash, claimed)) return undefined;
      return db.transaction().execute(async (tx) => {
        const present = await store.lockAppForTokens(tx, appId);
        if (present === null || !timingSafeEqual(present, claimed)) return undefined;
        return issue(tx, appId, present);
      });
    },

    async renewToken({ appId, refreshToken }) {
      const found = await known(appId);
      if (found === undefined || found.app.disabledAt !== null) return 'unknown_app';
      if (refreshToken.length > TOKEN_LENGTH_MAX) return 'refused';
      const refreshTokenHash = tokenHash(refreshToken);
      return db.transaction().execute(async (tx) => {
        const present = await store.lockAppForTokens(tx, appId);
        if (present === null) return 'unknown_app';
        const held = { appId, refreshTokenHash, secretHash: present, now: clock.now() };
        return (await store.refreshTokenHolds(tx, held)) ? issue(tx, appId, present) : 'refused';
      });
    },

    async tokenHolds(appId, token) {
      if (token.length > TOKEN_LENGTH_MAX) return false;
      const app = await known(appId);
      if (app === undefined || app.app.disabledAt !== null) return false;
      // Looked up by a keyed hash: how long that takes tells nothing of any token.
      const found = await find(appId, tokenHash(token));
      return found !== undefined && found.expiresAt > clock.now() && found.secretHash.equals(app.secretHash);
    },
  };
}
