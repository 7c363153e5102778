import { sql } from 'kysely';
import type { Executor, Transaction } from '../platform/database/index.ts';
import { auditContent, type AuditEntry } from './entry.ts';

export interface RecordedEntry extends AuditEntry {
  sequence: number;
}

/**
 * Appends one entry to the application's chain inside the caller's transaction, so that the record and what it records
 * commit together. One statement: the chain's head row is locked, moved on and hashed by PostgreSQL.
 */
export async function appendAudit(tx: Transaction, entry: AuditEntry): Promise<void> {
  const content = auditContent(entry);
  await sql`
    with head as (
      insert into audit_chain as chain (app_id, sequence, hash)
      values (${entry.appId}, 1, sha256(convert_to(${content}, 'UTF8')))
      on conflict (app_id) do update
        set sequence = chain.sequence + 1, hash = sha256(chain.hash || convert_to(${content}, 'UTF8'))
      returning sequence, hash
    )
    insert into audit_entry (app_id, sequence, at, actor, action, subject, detail, content, hash)
    select ${entry.appId}, head.sequence, ${entry.at}, ${entry.actor}, ${entry.action}, ${entry.subject},
           ${JSON.stringify(entry.detail)}::jsonb, ${content}, head.hash
    from head
  `.execute(tx);
}

/** The entries of one application, newest first; `subject` narrows to one thing. */
export async function listAudit(
  db: Executor,
  filter: { appId: string; subject?: string; limit: number },
): Promise<RecordedEntry[]> {
  const { rows } = await sql<RecordedEntry>`
    select app_id as "appId", sequence, at, actor, action, subject, detail
    from audit_entry
    where app_id = ${filter.appId} and (${filter.subject ?? null}::text is null or subject = ${filter.subject ?? null})
    order by sequence desc
    limit ${filter.limit}
  `.execute(db);
  return rows;
}

/** An entry's place in its chain. */
export interface ChainedEntry {
  sequence: number;
  at: Date;
  actor: string;
  action: string;
  detail: Record<string, unknown>;
  /** Of the chain up to and with this entry. */
  hash: Buffer;
}

/** Every entry about one subject, the oldest first, and the head of its application's chain at that moment. */
export async function auditTrail(
  executor: Executor,
  { appId, subject }: { appId: string; subject: string },
): Promise<{ entries: ChainedEntry[]; head: { sequence: number; hash: Buffer } | null }> {
  const head = await sql<{ sequence: number; hash: Buffer }>`
    select sequence, hash from audit_chain where app_id = ${appId}
  `.execute(executor);
  const { rows } = await sql<ChainedEntry>`
    select sequence, at, actor, action, detail, hash from audit_entry
    where app_id = ${appId} and subject = ${subject} order by sequence
  `.execute(executor);
  return { entries: rows, head: head.rows[0] ?? null };
}

/** Applications that have a chain, or entries of one. */
export async function findAuditedApps(db: Executor): Promise<string[]> {
  const { rows } = await sql<{ appId: string }>`
    with recursive recorded as (
      (select app_id from audit_entry order by app_id limit 1)
      union all
      select next.app_id from recorded cross join lateral (
        select app_id from audit_entry where app_id > recorded.app_id order by app_id limit 1
      ) as next
    )
    select app_id as "appId" from recorded union select app_id from audit_chain order by 1
  `.execute(db);
  return rows.map((row) => row.appId);
}
