import { sql } from 'kysely';
import type { Executor, Transaction } from '../platform/database/index.ts';

/** The hash of an app's secret, null for an app that is unknown or disabled. The app's row stays locked to the end. */
export async function lockAppForTokens(tx: Transaction, appId: string): Promise<Buffer | null> {
  const { rows } = await sql<{ secretHash: Buffer }>`
    select app_secret_hash as "secretHash" from app where app_id = ${appId} and disabled_at is null for no key update
  `.execute(tx);
  return rows[0]?.secretHash ?? null;
}

export interface NewTokenRow {
  readonly appId: string;
  readonly tokenHash: Buffer;
  readonly refreshTokenHash: Buffer;
  readonly secretHash: Buffer;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  readonly refreshExpiresAt: Date;
}

export async function insertToken(tx: Transaction, row: NewTokenRow): Promise<void> {
  await sql`
    insert into app_access_token (app_id, token_hash, refresh_token_hash, app_secret_hash, issued_at, expires_at,
                                  refresh_expires_at)
    values (${row.appId}, ${row.tokenHash}, ${row.refreshTokenHash}, ${row.secretHash}, ${row.issuedAt},
            ${row.expiresAt}, ${row.refreshExpiresAt})
  `.execute(tx);
}

/** Lets an app's tokens end by `endsAt` and removes those that have ended. */
export async function endTokens(tx: Transaction, appId: string, now: Date, endsAt: Date): Promise<void> {
  await sql`delete from app_access_token where app_id = ${appId} and refresh_expires_at <= ${now}`.execute(tx);
  await sql`
    update app_access_token
    set expires_at = least(expires_at, ${endsAt}::timestamptz),
        refresh_expires_at = least(refresh_expires_at, ${endsAt}::timestamptz)
    where app_id = ${appId}
  `.execute(tx);
}

export async function refreshTokenHolds(
  tx: Transaction,
  token: { appId: string; refreshTokenHash: Buffer; secretHash: Buffer; now: Date },
): Promise<boolean> {
  const { rows } = await sql`
    select 1 from app_access_token
    where app_id = ${token.appId} and refresh_token_hash = ${token.refreshTokenHash}
      and app_secret_hash = ${token.secretHash} and refresh_expires_at > ${token.now}
  `.execute(tx);
  return rows.length > 0;
}

export interface StoredToken {
  readonly secretHash: Buffer;
  readonly expiresAt: Date;
}

export async function findToken(
  executor: Executor,
  appId: string,
  tokenHash: Buffer,
): Promise<StoredToken | undefined> {
  const { rows } = await sql<StoredToken>`
    select app_secret_hash as "secretHash", expires_at as "expiresAt"
    from app_access_token where app_id = ${appId} and token_hash = ${tokenHash}
  `.execute(executor);
  return rows[0];
}
