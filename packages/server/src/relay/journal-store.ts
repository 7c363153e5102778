import { CompiledQuery, sql } from 'kysely';
import type { Database, Executor, Transaction } from '../platform/database/index.ts';
import { insertDeliveries } from './insert-store.ts';
import type { LaneName } from './lane.ts';
import type { ProfileName } from './profiles.ts';
import type { NewDelivery } from './store.ts';

/** A message as the journal holds it: an array, since names would be most of it. */
type Entry = readonly [
  requestId: string,
  appId: string,
  lane: LaneName,
  profile: ProfileName,
  url: string,
  urlVersion: number | null,
  calleeAppId: string | null,
  calleeNo: string | null,
  callerNo: string | null,
  messageType: string,
  content: string,
  contentBytes: number,
  traceParent: string | null,
  leaseOwner: string,
  leaseEndsAtMs: number,
  acceptedAtMs: number,
];

function entryOf(row: NewDelivery): Entry {
  return [
    row.requestId,
    row.appId,
    row.lane,
    row.profile,
    row.url,
    row.urlVersion,
    row.calleeAppId,
    row.calleeNo,
    row.callerNo,
    row.messageType,
    row.content,
    row.contentBytes,
    row.traceParent,
    row.leaseOwner,
    (row.dueAt ?? row.acceptedAt).getTime(),
    row.acceptedAt.getTime(),
  ];
}

/** The row that the message would have had from the start: leased, to a node that is gone. */
function rowOf(entry: Entry): NewDelivery {
  const [requestId, appId, lane, profile, url, urlVersion, calleeAppId, calleeNo, callerNo, messageType] = entry;
  const [, , , , , , , , , , content, contentBytes, traceParent, leaseOwner, leaseEndsAtMs, acceptedAtMs] = entry;
  return {
    appId,
    requestId,
    lane,
    state: 'leased',
    orderingKey: null,
    latestOnly: false,
    profile,
    url,
    urlVersion,
    calleeAppId,
    calleeNo,
    callerNo,
    messageType,
    content,
    contentBytes,
    attemptsMax: null,
    delaysMs: null,
    traceParent,
    leaseOwner,
    dueAt: new Date(leaseEndsAtMs),
    reason: null,
    acceptedAt: new Date(acceptedAtMs),
    occurredAt: null,
    idempotency: null,
  };
}

/** Whether the journal can hold the message: what depends on others, or may be refused by a table, goes there at once. */
export function isJournalable(row: NewDelivery): boolean {
  return row.state === 'leased' && row.orderingKey === null && row.idempotency === null && !hasNul(row);
}

/** PostgreSQL has no text with U+0000; a message that cannot be stored must not be sent. */
function hasNul({ lane, url, callerNo, messageType, content, traceParent }: NewDelivery): boolean {
  return [lane, url, callerNo, messageType, content, traceParent].some((text) => text?.includes('\0') === true);
}

const INSERT_JOURNAL = `/* prepared relay_insert_journal */
  insert into delivery_journal (id, lease_ends_at, entries) values ($1::uuid, $2::timestamptz, $3)`;

export async function insertJournal(
  db: Executor,
  journal: { readonly id: string; readonly leaseEndsAt: Date; readonly rows: readonly NewDelivery[] },
): Promise<void> {
  const entries = JSON.stringify(journal.rows.map(entryOf));
  await db.executeQuery(CompiledQuery.raw(INSERT_JOURNAL, [journal.id, journal.leaseEndsAt.toISOString(), entries]));
}

export async function deleteJournals(db: Executor, ids: readonly string[]): Promise<void> {
  await sql`delete from delivery_journal where id = any (${[...ids]}::uuid[])`.execute(db);
}

/** The application of a message that stands in a node's journal; null where it does not, or not any more. */
export async function findJournaled(db: Executor, requestId: string): Promise<{ appId: string } | null> {
  const { rows } = await sql<{ entries: string }>`
    select entries from delivery_journal where strpos(entries, ${requestId}) > 0
  `.execute(db);
  for (const { entries } of rows) {
    const found = (JSON.parse(entries) as Entry[]).find(([id]) => id === requestId);
    if (found !== undefined) return { appId: found[1] };
  }
  return null;
}

const TAKEN_BACK_MAX = 16;
/** What cannot be taken up now is tried again then. */
const AGAIN_AFTER_MS = 60_000;

/**
 * Gives the messages of journals whose nodes are gone the rows that they lack: leased, by leases that have ended. Whoever
 * writes a message's row first has it: a node that was only asleep finds it there.
 */
export async function takeUpJournals(
  db: Database,
  now: Date,
  onFault: (error: unknown, requestId: string) => void,
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const { rows } = await sql<{ id: string; entries: string }>`
      select id, entries from delivery_journal
      where lease_ends_at <= ${now}
      order by id
      limit ${TAKEN_BACK_MAX}
      for update skip locked
    `.execute(tx);
    for (const { id, entries } of rows) {
      const messages = (JSON.parse(entries) as Entry[]).map(rowOf);
      if (await insertMissing(tx, await withoutKnown(tx, messages), onFault)) await deleteJournals(tx, [id]);
      else {
        const again = new Date(now.getTime() + AGAIN_AFTER_MS);
        await sql`update delivery_journal set lease_ends_at = ${again} where id = ${id}`.execute(tx);
      }
    }
  });
}

/** Whether all of them have their rows now: one that PostgreSQL refuses keeps none of the others from theirs. */
async function insertMissing(
  tx: Transaction,
  messages: readonly NewDelivery[],
  onFault: (error: unknown, requestId: string) => void,
): Promise<boolean> {
  const [first] = messages;
  if (first === undefined) return true;
  await sql`savepoint missing`.execute(tx);
  try {
    await insertDeliveries(tx, messages);
    return true;
  } catch (error) {
    await sql`rollback to savepoint missing`.execute(tx);
    if (messages.length === 1) {
      onFault(error, first.requestId);
      return false;
    }
  }
  let isWhole = true;
  for (const message of messages) isWhole = (await insertMissing(tx, [message], onFault)) && isWhole;
  return isWhole;
}

async function withoutKnown(db: Executor, messages: readonly NewDelivery[]): Promise<NewDelivery[]> {
  const ids = messages.map((message) => message.requestId);
  const sorted = ids.toSorted();
  const { rows } = await sql<{ requestId: string }>`
    select request_id as "requestId" from delivery
    where request_id = any (${ids}::uuid[]) and request_id between ${sorted[0]} and ${sorted.at(-1)}
  `.execute(db);
  const known = new Set(rows.map((row) => row.requestId));
  return messages.filter((message) => !known.has(message.requestId));
}
