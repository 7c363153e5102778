import { sql } from 'kysely';
import type { Database, Executor, Transaction } from '../platform/database/index.ts';
import { auditContent, chainHash, type AuditEntry } from './entry.ts';

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

const VERIFY_BATCH_ROWS = 1_000;

/**
 * Walks an application's chain from its first entry and answers the first sequence number at which it does not hold,
 * or null where it holds to the end and the end is the head that was recorded.
 */
export async function verifyAuditChain(
  db: Database,
  appId: string,
): Promise<{ entries: number; brokenAt: number | null }> {
  let hash: Buffer = Buffer.alloc(0);
  let entries = 0;
  for (;;) {
    const { rows } = await sql<RecordedEntry & { content: string; hash: Buffer }>`
      select app_id as "appId", sequence, at, actor, action, subject, detail, content, hash
      from audit_entry where app_id = ${appId} and sequence > ${entries} order by sequence limit ${VERIFY_BATCH_ROWS}
    `.execute(db);
    for (const row of rows) {
      hash = chainHash(hash, row.content);
      if (row.sequence !== entries + 1 || !hash.equals(row.hash) || !saysTheSame(row)) {
        return { entries, brokenAt: entries + 1 };
      }
      entries += 1;
    }
    if (rows.length < VERIFY_BATCH_ROWS) break;
  }
  const head = await sql<{ sequence: number; hash: Buffer }>`
    select sequence, hash from audit_chain where app_id = ${appId}
  `.execute(db);
  const recorded = head.rows[0];
  const whole = recorded ? recorded.sequence === entries && recorded.hash.equals(hash) : entries === 0;
  return { entries, brokenAt: whole ? null : entries + 1 };
}

/** Whether the columns people read say what the hashed content says. jsonb keeps no key order, so it is compared sorted. */
function saysTheSame(row: AuditEntry & { content: string }): boolean {
  const hashed = JSON.parse(row.content) as unknown[];
  const shown = JSON.parse(auditContent(row)) as unknown[];
  return JSON.stringify(sorted(hashed)) === JSON.stringify(sorted(shown));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
