import { sql } from 'kysely';
import type { Executor } from '../platform/database/index.ts';
import type { App } from './app.ts';

/** An app with everything sealed that belongs to it. */
export interface NewAppRow {
  readonly app: App;
  readonly appSecretSealed: Buffer;
  readonly appSecretHash: Buffer;
  readonly webhookSecretSealed: Buffer;
  readonly relayPrivateKeySealed: Buffer;
}

/** `cidr[]` as text[]: the driver would hand it out as one string. */
const APP_COLUMNS = sql`
  app_id as "appId", name, public_key as "publicKey", sign_type as "signType", relay_public_key as "relayPublicKey",
  allow_ips::text[] as "allowIps", notify_url as "notifyUrl", grants, notify_code as "notifyCode",
  allow_weak_key as "allowWeakKey", refuse_nested_params as "refuseNestedParams",
  rate_per_second_max as "ratePerSecondMax", disabled_at as "disabledAt", created_at as "createdAt"`;

export async function insertApp(executor: Executor, row: NewAppRow): Promise<void> {
  const { app } = row;
  await sql`
    insert into app (app_id, name, public_key, sign_type, app_secret_sealed, app_secret_hash, webhook_secret_sealed,
                     relay_private_key_sealed, relay_public_key, allow_ips, notify_url, grants, notify_code,
                     allow_weak_key, refuse_nested_params, rate_per_second_max, disabled_at, created_at)
    values (${app.appId}, ${app.name}, ${app.publicKey}, ${app.signType}, ${row.appSecretSealed}, ${row.appSecretHash},
            ${row.webhookSecretSealed}, ${row.relayPrivateKeySealed}, ${app.relayPublicKey},
            ${[...app.allowIps]}::text[]::cidr[], ${app.notifyUrl}, ${[...app.grants]}::text[], ${app.notifyCode},
            ${app.allowWeakKey}, ${app.refuseNestedParams}, ${app.ratePerSecondMax}, ${app.disabledAt}, ${app.createdAt})
  `.execute(executor);
}

/** An app with the keyed hash of its secret: what the checks of every request need. */
export interface KnownApp {
  readonly app: App;
  readonly secretHash: Buffer;
}

export async function findApp(executor: Executor, appId: string): Promise<KnownApp | undefined> {
  const { rows } = await sql<App & { secretHash: Buffer }>`
    select ${APP_COLUMNS}, app_secret_hash as "secretHash" from app where app_id = ${appId}
  `.execute(executor);
  if (rows[0] === undefined) return undefined;
  const { secretHash, ...app } = rows[0];
  return { app, secretHash };
}

export interface SealedSecrets {
  readonly appSecret: Buffer;
  readonly webhookSecret: Buffer;
  readonly relayPrivateKey: Buffer;
}

export async function findSealedSecrets(executor: Executor, appId: string): Promise<SealedSecrets | undefined> {
  const { rows } = await sql<SealedSecrets>`
    select app_secret_sealed as "appSecret", webhook_secret_sealed as "webhookSecret",
           relay_private_key_sealed as "relayPrivateKey"
    from app where app_id = ${appId}
  `.execute(executor);
  return rows[0];
}

export async function listApps(executor: Executor): Promise<readonly App[]> {
  const { rows } = await sql<App>`select ${APP_COLUMNS} from app order by created_at, app_id`.execute(executor);
  return rows;
}

export async function updateSecret(
  executor: Executor,
  appId: string,
  secret: { sealed: Buffer; hash: Buffer },
): Promise<boolean> {
  const { rows } = await sql`
    update app set app_secret_sealed = ${secret.sealed}, app_secret_hash = ${secret.hash}
    where app_id = ${appId} returning app_id
  `.execute(executor);
  return rows.length > 0;
}

/** Disabling twice keeps the first time. */
export async function updateDisabledAt(
  executor: Executor,
  appId: string,
  disabledAt: Date | null,
): Promise<App | undefined> {
  const { rows } = await sql<App>`
    update app set disabled_at = case when ${disabledAt}::timestamptz is null then null
                                      else coalesce(disabled_at, ${disabledAt}::timestamptz) end
    where app_id = ${appId} returning ${APP_COLUMNS}
  `.execute(executor);
  return rows[0];
}

export async function updateNotifyUrl(executor: Executor, appId: string, notifyUrl: string): Promise<App | undefined> {
  const { rows } = await sql<App>`
    update app set notify_url = ${notifyUrl} where app_id = ${appId} returning ${APP_COLUMNS}
  `.execute(executor);
  return rows[0];
}

/**
 * Claims a nonce: a new row, or an old one whose time is over. Two nodes that try at once meet on the row's lock, and
 * the second sees what the first wrote.
 */
export async function claimNonce(
  executor: Executor,
  claim: { appId: string; nonce: string; at: Date; freeBefore: Date },
): Promise<boolean> {
  const { rows } = await sql`
    insert into app_nonce as held (app_id, nonce, used_at)
    values (${claim.appId}, ${claim.nonce}, ${claim.at})
    on conflict (app_id, nonce) do update set used_at = excluded.used_at where held.used_at <= ${claim.freeBefore}
    returning held.nonce
  `.execute(executor);
  return rows.length > 0;
}

export async function deleteNoncesUntil(executor: Executor, usedAt: Date): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    with gone as (delete from app_nonce where used_at <= ${usedAt} returning 1)
    select count(*) as count from gone
  `.execute(executor);
  return rows[0]?.count ?? 0;
}
