import { sql } from 'kysely';
import type { Executor } from '../platform/database/index.ts';
import { entryPrefix } from './attempt-chain.ts';
import type { Attempt } from './delivery.ts';

/** A link of an application's chain of attempts, as it is stored. */
export interface ChainLink {
  readonly sequence: number;
  readonly entries: Buffer;
  readonly hash: Buffer;
}

/** A link with the hash of the one before it; null for the first, and where retention dropped the one before. */
export interface AnchoredLink extends ChainLink {
  readonly previousHash: Buffer | null;
}

export interface ChainHead {
  readonly sequence: number;
  readonly hash: Buffer;
}

/** The last link that was written, as the chain's own row has it. */
export async function findChainHead(db: Executor, appId: string): Promise<ChainHead | null> {
  const { rows } = await sql<ChainHead>`
    select sequence, hash from delivery_chain where app_id = ${appId}
  `.execute(db);
  return rows[0] ?? null;
}

/** From the end of an attempt to the commit of its link at most: its lease is long over by then. */
const SETTLED_WITHIN_MS = 600_000;

/** The links that hold the attempts of one delivery. A link bears the time at which the latest of its attempts began. */
export async function findLinksOf(
  db: Executor,
  appId: string,
  requestId: string,
  attempts: readonly Attempt[],
): Promise<AnchoredLink[]> {
  if (attempts.length === 0) return [];
  const from = attempts.map((attempt) => attempt.startedAt.toISOString());
  const to = attempts.map((attempt) =>
    new Date(attempt.startedAt.getTime() + attempt.durationMs + SETTLED_WITHIN_MS).toISOString(),
  );
  const prefixes = attempts.map((attempt) => entryPrefix(requestId, attempt.number));
  const { rows } = await sql<AnchoredLink>`
    select link.sequence, link.entries, link.hash, previous.hash as "previousHash"
    from delivery_attempt_link link
    left join delivery_attempt_link previous
      on previous.app_id = link.app_id and previous.sequence = link.sequence - 1
    where link.app_id = ${appId}
      and link.at between ${from.toSorted()[0]} and ${to.toSorted().at(-1)}
      and exists (
        select from unnest(${from}::timestamptz[], ${to}::timestamptz[], ${prefixes}::bytea[]) as attempt (began, settled, prefix)
        where link.at between attempt.began and attempt.settled and position(attempt.prefix in link.entries) > 0)
    order by link.sequence
  `.execute(db);
  return rows;
}
