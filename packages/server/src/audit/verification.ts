import { sql } from 'kysely';
import type { Database } from '../platform/database/index.ts';
import { auditContent, chainHash, type AuditEntry } from './entry.ts';
import type { RecordedEntry } from './store.ts';

/**
 * Where a chain does not hold first: the entry is not there, it is not what was hashed (or was hashed after another
 * one), it stands behind the head, or the head does not say what the last entry says.
 */
export interface AuditFault {
  readonly sequence: number;
  readonly kind: 'entry_missing' | 'entry_changed' | 'entry_beyond_head' | 'head_missing' | 'head_differs';
}

export interface AuditReport {
  /** Entries that hold, from the first on. */
  readonly entries: number;
  readonly fault: AuditFault | null;
  /** The last entry's number and hash, as the chain's own row has them. */
  readonly head: { readonly sequence: number; readonly hash: Buffer } | null;
}

const ROWS_AT_ONCE = 1_000;

type HashedEntry = RecordedEntry & { readonly content: string; readonly hash: Buffer };

/**
 * Walks an application's chain from its first entry to its head and answers where it does not hold, if anywhere. Memory
 * does not grow with the chain, and entries that are appended meanwhile do no harm.
 *
 * @param onProgress told the entries that were looked at, and how many there are
 */
export async function verifyAuditChain(
  db: Database,
  appId: string,
  onProgress: (entries: number, total: number) => void = () => undefined,
): Promise<AuditReport> {
  const head = await findHead(db, appId);
  let hash: Buffer = Buffer.alloc(0);
  let entries = 0;
  const broken = (kind: AuditFault['kind'], sequence = entries + 1): AuditReport => ({
    entries,
    fault: { kind, sequence },
    head,
  });
  const total = head?.sequence ?? 0;
  while (entries < total) {
    const rows = await findEntriesAfter(db, appId, entries, Math.min(ROWS_AT_ONCE, total - entries));
    if (rows.length === 0) return broken('entry_missing');
    for (const row of rows) {
      if (row.sequence !== entries + 1) return broken('entry_missing');
      hash = chainHash(hash, row.content);
      if (!hash.equals(row.hash) || !saysTheSame(row)) return broken('entry_changed');
      entries += 1;
    }
    onProgress(entries, total);
  }
  if (head !== null && !head.hash.equals(hash)) return broken('head_differs', entries);
  // The entries first: a head that is read later is never behind them.
  const { rows } = await sql<{ last: number | null }>`
    select max(sequence) as last from audit_entry where app_id = ${appId}
  `.execute(db);
  const last = rows[0]?.last ?? null;
  const present = await findHead(db, appId);
  if (last !== null && present === null) return broken('head_missing', last);
  if (last !== null && present !== null && last > present.sequence) return broken('entry_beyond_head', last);
  return { entries, fault: null, head };
}

async function findHead(db: Database, appId: string): Promise<AuditReport['head']> {
  const { rows } = await sql<{ sequence: number; hash: Buffer }>`
    select sequence, hash from audit_chain where app_id = ${appId}
  `.execute(db);
  return rows[0] ?? null;
}

async function findEntriesAfter(db: Database, appId: string, sequence: number, limit: number): Promise<HashedEntry[]> {
  const { rows } = await sql<HashedEntry>`
    select app_id as "appId", sequence, at, actor, action, subject, detail, content, hash
    from audit_entry
    where app_id = ${appId} and sequence > ${sequence}
    order by sequence
    limit ${limit}
  `.execute(db);
  return rows;
}

/** Whether the columns people read say what the hashed content says. jsonb keeps no key order, so it is compared sorted. */
function saysTheSame(row: AuditEntry & { readonly content: string }): boolean {
  let hashed: unknown;
  try {
    hashed = JSON.parse(row.content);
  } catch {
    return false;
  }
  const shown = JSON.parse(auditContent(row)) as unknown;
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
