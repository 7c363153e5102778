import { sql, type Insertable } from 'kysely';
import { addressKey } from '../platform/cidr.ts';
import type { Executor, Transaction } from '../platform/database/index.ts';
import type { CodeRow, IntentRow, LinkRow, PreviewRow, SessionRow, SignerRow, SigningTables } from './tables.ts';

export interface SignerKey {
  readonly appId: string;
  readonly flowId: string;
  readonly signerId: string;
}

function tables(executor: Executor) {
  return executor.withTables<SigningTables>();
}

function oneSigner(executor: Executor, key: SignerKey) {
  return tables(executor)
    .selectFrom('sign_signer')
    .selectAll()
    .where('app_id', '=', key.appId)
    .where('flow_id', '=', key.flowId)
    .where('signer_id', '=', key.signerId);
}

export async function findSigner(executor: Executor, key: SignerKey): Promise<SignerRow | undefined> {
  return oneSigner(executor, key).executeTakeFirst();
}

/** The signer's row, locked until the transaction ends. Whoever takes the flow's lock too takes that one first. */
export async function lockSigner(tx: Transaction, key: SignerKey): Promise<SignerRow | undefined> {
  return oneSigner(tx, key).forUpdate().executeTakeFirst();
}

export async function updateSigner(
  tx: Executor,
  key: SignerKey,
  change: Partial<Pick<SignerRow, 'confirmed_at' | 'document_opened_at' | 'reminded_at' | 'reminders'>>,
): Promise<void> {
  await tables(tx)
    .updateTable('sign_signer')
    .set(change)
    .where('app_id', '=', key.appId)
    .where('flow_id', '=', key.flowId)
    .where('signer_id', '=', key.signerId)
    .execute();
}

/** Notes that the document was shown to the signer; false where it was before. */
export async function noteDocumentOpened(tx: Transaction, key: SignerKey, at: Date): Promise<boolean> {
  const row = await tables(tx)
    .updateTable('sign_signer')
    .set({ document_opened_at: at })
    .where('app_id', '=', key.appId)
    .where('flow_id', '=', key.flowId)
    .where('signer_id', '=', key.signerId)
    .where('document_opened_at', 'is', null)
    .returning('signer_id')
    .executeTakeFirst();
  return row !== undefined;
}

export async function insertLink(tx: Transaction, row: Insertable<SigningTables['sign_link']>): Promise<void> {
  await tables(tx).insertInto('sign_link').values(row).execute();
}

export async function findLink(executor: Executor, appId: string, tokenHash: Buffer): Promise<LinkRow | undefined> {
  return tables(executor)
    .selectFrom('sign_link')
    .selectAll()
    .where('app_id', '=', appId)
    .where('token_hash', '=', tokenHash)
    .executeTakeFirst();
}

/** Notes that a link was used; false where one that opens once was used before. */
export async function useLink(tx: Transaction, link: LinkRow, at: Date): Promise<boolean> {
  const row = await tables(tx)
    .updateTable('sign_link')
    .set({ used_at: at })
    .where('app_id', '=', link.app_id)
    .where('token_hash', '=', link.token_hash)
    .where((eb) => (link.kind === 'handover' ? eb('used_at', 'is', null) : eb.val(true)))
    .returning('token_hash')
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * Sessions that were opened since for a signer: in all, and those in which nobody proved who they are, of an address or its
 * network (`addressKey`).
 */
export async function countSessions(
  executor: Executor,
  key: SignerKey,
  from: { readonly ip: string | null },
  since: Date,
): Promise<{ all: number; unprovenThere: number }> {
  const { rows } = await sql<{ ip: string | null; all: number; unproven: number }>`
    select opened.ip, count(*)::int as all, (count(*) filter (where session.checked_at is null))::int as unproven
    from sign_session session
    left join sign_act opened on opened.app_id = session.app_id and opened.flow_id = session.flow_id
      and opened.kind = 'opened' and opened.session_id = session.session_id
    where session.app_id = ${key.appId} and session.flow_id = ${key.flowId} and session.signer_id = ${key.signerId}
      and session.created_at > ${since}
    group by opened.ip
  `.execute(executor);
  const keyOf = (ip: string | null): string | null => (ip === null ? null : addressKey(ip));
  const there = rows.filter(({ ip }) => keyOf(ip) === keyOf(from.ip));
  return {
    all: rows.reduce((sum, { all }) => sum + all, 0),
    unprovenThere: there.reduce((sum, { unproven }) => sum + unproven, 0),
  };
}

/** Links that were made since for a signer's other devices. */
export async function countHandovers(executor: Executor, key: SignerKey, since: Date): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from sign_link
    where app_id = ${key.appId} and flow_id = ${key.flowId} and signer_id = ${key.signerId}
      and kind = 'handover' and created_at > ${since}
  `.execute(executor);
  return rows[0]?.count ?? 0;
}

export async function insertSession(tx: Transaction, row: Insertable<SigningTables['sign_session']>): Promise<void> {
  await tables(tx).insertInto('sign_session').values(row).execute();
}

export async function findSession(
  executor: Executor,
  appId: string,
  cookieHash: Buffer,
  now: Date,
): Promise<SessionRow | undefined> {
  return tables(executor)
    .selectFrom('sign_session')
    .selectAll()
    .where('app_id', '=', appId)
    .where('cookie_hash', '=', cookieHash)
    .where('expires_at', '>', now)
    .executeTakeFirst();
}

export async function updateSession(
  tx: Executor,
  session: Pick<SessionRow, 'app_id' | 'cookie_hash'>,
  change: Partial<
    Pick<SessionRow, 'checked_at' | 'check_method' | 'check_message' | 'consent_version' | 'consented_at'>
  >,
): Promise<void> {
  await tables(tx)
    .updateTable('sign_session')
    .set(change)
    .where('app_id', '=', session.app_id)
    .where('cookie_hash', '=', session.cookie_hash)
    .execute();
}

/** The signer's code, locked: of two who try at once the second sees what the first one's try left. */
export async function lockCode(tx: Transaction, key: SignerKey): Promise<CodeRow | undefined> {
  return tables(tx)
    .selectFrom('sign_code')
    .selectAll()
    .where('app_id', '=', key.appId)
    .where('flow_id', '=', key.flowId)
    .where('signer_id', '=', key.signerId)
    .forUpdate()
    .executeTakeFirst();
}

/** Puts a new code in place of the one before. */
export async function putCode(tx: Transaction, row: Insertable<SigningTables['sign_code']>): Promise<void> {
  await tables(tx)
    .insertInto('sign_code')
    .values(row)
    .onConflict((conflict) => conflict.columns(['app_id', 'flow_id', 'signer_id']).doUpdateSet(row))
    .execute();
}

export async function updateCode(
  tx: Transaction,
  key: SignerKey,
  change: Partial<Pick<CodeRow, 'tries_left' | 'locked_until' | 'used_at'>>,
): Promise<void> {
  await tables(tx)
    .updateTable('sign_code')
    .set(change)
    .where('app_id', '=', key.appId)
    .where('flow_id', '=', key.flowId)
    .where('signer_id', '=', key.signerId)
    .execute();
}

export async function insertPreview(executor: Executor, row: Insertable<SigningTables['sign_preview']>): Promise<void> {
  await tables(executor).insertInto('sign_preview').values(row).execute();
}

/** A preview of this session; those of others are as good as none. */
export async function findPreview(
  executor: Executor,
  session: Pick<SessionRow, 'app_id' | 'session_id'>,
  previewId: string,
): Promise<PreviewRow | undefined> {
  return tables(executor)
    .selectFrom('sign_preview')
    .selectAll()
    .where('app_id', '=', session.app_id)
    .where('preview_id', '=', previewId)
    .where('session_id', '=', session.session_id)
    .executeTakeFirst();
}

/** How many previews a session made since. */
export async function countPreviews(
  executor: Executor,
  session: Pick<SessionRow, 'app_id' | 'session_id'>,
  since: Date,
): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from sign_preview
    where app_id = ${session.app_id} and session_id = ${session.session_id} and created_at > ${since}
  `.execute(executor);
  return rows[0]?.count ?? 0;
}

export async function insertIntent(tx: Transaction, row: Insertable<SigningTables['sign_intent']>): Promise<void> {
  await tables(tx).insertInto('sign_intent').values(row).execute();
}

export async function findIntent(executor: Executor, key: SignerKey): Promise<IntentRow | undefined> {
  return tables(executor)
    .selectFrom('sign_intent')
    .selectAll()
    .where('app_id', '=', key.appId)
    .where('flow_id', '=', key.flowId)
    .where('signer_id', '=', key.signerId)
    .executeTakeFirst();
}

/** Adds to how long a signer looked at pages. */
export async function addViews(
  executor: Executor,
  key: SignerKey,
  views: readonly { page: number; milliseconds: number }[],
  at: Date,
): Promise<void> {
  await sql`
    insert into sign_view as seen (app_id, flow_id, signer_id, page, milliseconds, first_at, last_at)
    select ${key.appId}, ${key.flowId}, ${key.signerId}, page, sum(milliseconds), ${at}, ${at}
    from unnest(${views.map(({ page }) => page)}::int[], ${views.map(({ milliseconds }) => milliseconds)}::bigint[])
      as told (page, milliseconds)
    group by page
    on conflict (app_id, flow_id, signer_id, page) do update
      set milliseconds = seen.milliseconds + excluded.milliseconds, last_at = excluded.last_at
  `.execute(executor);
}

/** Forgets sessions and previews that are of no use any more. What was confirmed stands in intents and acts. */
export async function pruneSessions(executor: Executor, before: Date): Promise<void> {
  await tables(executor).deleteFrom('sign_session').where('expires_at', '<', before).execute();
  await tables(executor).deleteFrom('sign_preview').where('created_at', '<', before).execute();
}
