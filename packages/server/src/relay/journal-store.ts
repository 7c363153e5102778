import { setTimeout as delay } from 'node:timers/promises';
import { CompiledQuery, sql } from 'kysely';
import { plainArray, type Database, type Executor, type Transaction } from '../platform/database/index.ts';
import { uuidInstantMs, uuidLowerBound } from '../platform/ids.ts';
import { isValueFault } from './group-commit.ts';
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
  insert into delivery_journal (id, lease_ends_at, request_ids, entries) values ($1::uuid, $2::timestamptz, $3::uuid[], $4)`;

/** @param journal `id`: a UUID of version 7, made after those of the rows */
export async function insertJournal(
  db: Executor,
  journal: { readonly id: string; readonly leaseEndsAt: Date; readonly rows: readonly NewDelivery[] },
): Promise<void> {
  const { id, leaseEndsAt, rows } = journal;
  const parameters = [id, leaseEndsAt.toISOString(), idsOf(rows), JSON.stringify(rows.map(entryOf))];
  await db.executeQuery(CompiledQuery.raw(INSERT_JOURNAL, parameters));
}

function idsOf(rows: readonly NewDelivery[]): string {
  return plainArray(rows.map((row) => row.requestId));
}

export async function deleteJournals(db: Executor, ids: readonly string[]): Promise<void> {
  await sql`delete from delivery_journal where id = any (${[...ids]}::uuid[])`.execute(db);
}

/** A row of the journal is written soon after its messages have their ids, or not at all. */
const WRITTEN_WITHIN_MS = 60_000;
/** What clocks of nodes may differ by. */
const CLOCK_SLACK_MS = 1_000;

/** The application of a message that stands in a node's journal; null where it does not, or not any more. */
export async function findJournaled(db: Executor, requestId: string): Promise<{ appId: string } | null> {
  const atMs = uuidInstantMs(requestId);
  const from = uuidLowerBound(new Date(Math.max(0, atMs - CLOCK_SLACK_MS)));
  const to = uuidLowerBound(new Date(atMs + WRITTEN_WITHIN_MS));
  const { rows } = await sql<{ entries: string }>`
    select entries from delivery_journal
    where id between ${from} and ${to} and ${requestId}::uuid = any (request_ids)
  `.execute(db);
  for (const { entries } of rows) {
    const found = (JSON.parse(entries) as Entry[]).find(([id]) => id === requestId);
    if (found !== undefined) return { appId: found[1] };
  }
  return null;
}

const ROWS_WAIT_MS = 1_000;
const ROWS_LOOK_MS = 20;

/** Resolves when a message that stands in some node's journal has rows of its own; after a second in any case. */
export async function awaitRows(db: Executor, requestId: string): Promise<void> {
  for (let leftMs = ROWS_WAIT_MS; leftMs > 0; leftMs -= ROWS_LOOK_MS) {
    const { rows } = await sql`select from delivery where request_id = ${requestId}`.execute(db);
    if (rows.length > 0 || (await findJournaled(db, requestId)) === null) return;
    await delay(ROWS_LOOK_MS);
  }
}

const TAKEN_UP_AT_ONCE = 16;
/** What cannot be taken up now is tried again then. */
const AGAIN_AFTER_MS = 60_000;

/**
 * Gives the messages of journals whose nodes are gone the rows that they lack: leased, by leases that have ended. Whoever
 * writes a message's row first has it: a node that was only asleep finds it there.
 *
 * @param onFault told of a message that PostgreSQL refuses; it stays in its journal, the others leave it
 * @returns whether there may be more
 */
export async function takeUpJournals(
  db: Database,
  now: Date,
  onFault: (error: unknown, requestId: string) => void,
): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    // Whoever holds a table up is not to hold this one's transaction open as well.
    await sql`set local lock_timeout = '2s'`.execute(tx);
    const { rows } = await sql<{ id: string; entries: string }>`
      select id, entries from delivery_journal
      where lease_ends_at <= ${now}
      order by id
      limit ${TAKEN_UP_AT_ONCE}
      for update skip locked
    `.execute(tx);
    const ended: string[] = [];
    for (const { id, entries } of rows) {
      const messages = (JSON.parse(entries) as Entry[]).map(rowOf);
      const refused = await insertMissing(tx, await withoutKnown(tx, messages), onFault);
      if (refused.length === 0) ended.push(id);
      else await putOff(tx, id, refused, new Date(now.getTime() + AGAIN_AFTER_MS));
    }
    if (ended.length > 0) await deleteJournals(tx, ended);
    return rows.length === TAKEN_UP_AT_ONCE;
  });
}

async function putOff(tx: Transaction, id: string, refused: readonly NewDelivery[], until: Date): Promise<void> {
  await sql`
    update delivery_journal
    set lease_ends_at = ${until}, request_ids = ${idsOf(refused)}::uuid[], entries = ${JSON.stringify(refused.map(entryOf))}
    where id = ${id}
  `.execute(tx);
}

/** Answers those that PostgreSQL refuses: they keep none of the others from their rows. */
async function insertMissing(
  tx: Transaction,
  messages: readonly NewDelivery[],
  onFault: (error: unknown, requestId: string) => void,
): Promise<NewDelivery[]> {
  const [first] = messages;
  if (first === undefined) return [];
  await sql`savepoint missing`.execute(tx);
  try {
    await insertDeliveries(tx, messages);
    return [];
  } catch (error) {
    if (!isValueFault(error)) throw error;
    await sql`rollback to savepoint missing`.execute(tx);
    if (messages.length === 1) {
      onFault(error, first.requestId);
      return [first];
    }
  }
  const refused: NewDelivery[] = [];
  for (const message of messages) refused.push(...(await insertMissing(tx, [message], onFault)));
  return refused;
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
