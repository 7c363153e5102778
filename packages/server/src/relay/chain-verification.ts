import { isDeepStrictEqual } from 'node:util';
import type { Database } from '../platform/database/index.ts';
import { CHAIN_ENTRY_BYTES, chainEntry, ENTRY_PREFIX_BYTES, entryPrefix, linkHash } from './attempt-chain.ts';
import {
  findChainBounds,
  findLastSequence,
  findLinksAfter,
  findNamedAttempts,
  findUnacknowledged,
  findUnlinkedAttempts,
  type AttemptName,
  type ChainBounds,
  type NamedAttempt,
  type StoredLink,
} from './chain-store.ts';
import { findChainHead, type ChainHead } from './evidence-store.ts';
import { withoutRuns } from './retention-record.ts';

/**
 * One thing that does not hold in a chain of attempts:
 *
 * - `link_changed`: its hash does not follow from its entries and the link before
 * - `link_missing`: no link of this number (up to `lastSequence`), and retention did not drop it
 * - `link_repeated`: another link has this number too, or one that retention dropped had it
 * - `link_moved`: it does not stand at the time at which the latest of its attempts began
 * - `link_beyond_head`, `head_missing`, `head_differs`: the chain's row does not say what its last link says
 * - `attempt_changed`: it, or its message or what else was accepted with that, is not as link `sequence` has it
 * - `attempt_missing`, `delivery_missing`: link `sequence` has it, and it, or its delivery, is not there
 * - `attempt_unlinked`: no link holds it
 * - `delivery_unacknowledged`: delivered, and without an acknowledged attempt
 * - `retention_forged`: what the audit tells of dropped days was not written by this service
 */
export interface ChainFault {
  readonly kind:
    | 'link_changed'
    | 'link_missing'
    | 'link_repeated'
    | 'link_moved'
    | 'link_beyond_head'
    | 'head_missing'
    | 'head_differs'
    | 'attempt_changed'
    | 'attempt_missing'
    | 'attempt_unlinked'
    | 'delivery_missing'
    | 'delivery_unacknowledged'
    | 'retention_forged';
  readonly sequence?: number;
  readonly lastSequence?: number;
  readonly requestId?: string;
  readonly number?: number;
}

export interface ChainReport {
  readonly appId: string;
  /** Links that were looked at, and the number of the first of them. */
  readonly links: number;
  readonly firstSequence: number | null;
  /** Links that retention dropped, by its record. */
  readonly linksDropped: number;
  /** Attempts that are there and as their link has them. */
  readonly attempts: number;
  /** Attempts of kept links that retention dropped, or whose delivery it dropped before them. */
  readonly attemptsDropped: number;
  /** Attempts that are older than the chain, or than its kept links: nothing says that they are as they were. */
  readonly attemptsOlder: number;
  readonly head: ChainHead | null;
  /** The first `FAULTS_MAX`. */
  readonly faults: readonly ChainFault[];
  readonly faultCount: number;
}

export interface ChainProgress {
  readonly appId: string;
  readonly links: number;
  /** As far as is known. */
  readonly linksTotal: number;
}

export const FAULTS_MAX = 1_000;
const LINKS_AT_ONCE = 200;
const ATTEMPTS_AT_ONCE = 1_000;

/**
 * Walks the chain of an application's attempts from the oldest link that is kept to its head: recomputes each link's
 * hash and the hash of each attempt of it, and looks for attempts that are in no link. Memory does not grow with the
 * chain. Attempts that are recorded meanwhile do no harm.
 *
 * @param key by which retention sealed what it dropped (`retentionKey`)
 */
export async function verifyDeliveryChain(
  db: Database,
  appId: string,
  key: Buffer,
  onProgress: (progress: ChainProgress) => void = () => undefined,
): Promise<ChainReport> {
  for (;;) {
    const bounds = await findChainBounds(db, appId, key);
    const report = await walkChain(db, appId, bounds, onProgress);
    // What retention dropped meanwhile looked like a fault.
    if (report.faultCount === 0 || isDeepStrictEqual(bounds, await findChainBounds(db, appId, key))) return report;
  }
}

async function walkChain(
  db: Database,
  appId: string,
  bounds: ChainBounds,
  onProgress: (progress: ChainProgress) => void,
): Promise<ChainReport> {
  const head = await findChainHead(db, appId);
  const walk = new Walk(db, appId, bounds, head);
  let after: StoredLink | null = null;
  for (;;) {
    const found: StoredLink[] = await findLinksAfter(db, appId, after, LINKS_AT_ONCE);
    // What was linked since the head was read is left to the next time.
    const links = head === null ? found : found.filter((link) => link.sequence <= head.sequence);
    await walk.take(links);
    onProgress({ appId, links: walk.links, linksTotal: head === null ? walk.links : walk.linksTotal });
    after = links.at(-1) ?? null;
    if (after === null || found.length < LINKS_AT_ONCE || links.length < found.length) break;
  }
  return walk.end();
}

/** An attempt as its link has it. */
interface HeldAttempt {
  readonly name: AttemptName;
  readonly entry: Buffer;
  readonly link: StoredLink;
}

class Walk {
  links = 0;
  readonly #db: Database;
  readonly #appId: string;
  readonly #bounds: ChainBounds;
  readonly #head: ChainHead | null;
  readonly #faults: ChainFault[] = [];
  #faultCount = 0;
  #first: number | null = null;
  #last: { readonly sequence: number; readonly hash: Buffer } | null = null;
  #attempts = 0;
  #dropped = 0;

  constructor(db: Database, appId: string, bounds: ChainBounds, head: ChainHead | null) {
    this.#db = db;
    this.#appId = appId;
    this.#bounds = bounds;
    this.#head = head;
  }

  get linksTotal(): number {
    return (this.#head?.sequence ?? 0) - (this.#first ?? 1) + 1;
  }

  async take(links: readonly StoredLink[]): Promise<void> {
    let entries: HeldAttempt[] = [];
    for (const link of links) {
      this.#follow(link);
      for (let at = 0; at + CHAIN_ENTRY_BYTES <= link.entries.length; at += CHAIN_ENTRY_BYTES) {
        const entry = link.entries.subarray(at, at + CHAIN_ENTRY_BYTES);
        entries.push({ name: nameOf(entry), entry, link });
        if (entries.length < ATTEMPTS_AT_ONCE) continue;
        await this.#compare(entries);
        entries = [];
      }
    }
    if (entries.length > 0) await this.#compare(entries);
  }

  /** Whether a link follows from the one before; whatever comes of it, the next is held against this one. */
  #follow(link: StoredLink): void {
    const { sequence } = link;
    const last = this.#last;
    this.links += 1;
    this.#first ??= sequence;
    const { linksDropped } = this.#bounds;
    if (sequence === last?.sequence || linksDropped.some((run) => run.first <= sequence && sequence <= run.last)) {
      this.#fault({ kind: 'link_repeated', sequence });
      if (sequence === last?.sequence) return;
    }
    this.#judgeGap(sequence - 1);
    const previous = sequence - 1 === last?.sequence ? last.hash : this.#droppedHash(sequence - 1);
    // After a gap there is nothing to recompute the hash from.
    const isAnchored = sequence === 1 || previous !== null;
    if (isAnchored && !linkHash(previous, link.entries).equals(link.hash)) {
      this.#fault({ kind: 'link_changed', sequence });
    }
    this.#last = { sequence, hash: link.hash };
  }

  /** Names the links after the last one that was looked at, up to this number, that retention did not drop. */
  #judgeGap(last: number): void {
    for (const gap of withoutRuns({ first: (this.#last?.sequence ?? 0) + 1, last }, this.#bounds.linksDropped)) {
      this.#fault({ kind: 'link_missing', sequence: gap.first, lastSequence: gap.last });
    }
  }

  /** The hash of a link that was the last of those that were dropped together; null where none was, or it is not known. */
  #droppedHash(sequence: number): Buffer | null {
    const hash = this.#bounds.linksDropped.find((run) => run.last === sequence)?.hash ?? null;
    return hash === null ? null : Buffer.from(hash, 'hex');
  }

  async #compare(entries: readonly HeldAttempt[]): Promise<void> {
    const found = await findNamedAttempts(
      this.#db,
      this.#appId,
      entries.map((entry) => entry.name),
    );
    const stored = new Map(found.map((attempt) => [keyOf(attempt), attempt]));
    const beganMs = entries.map((held) => this.#compareOne(held, stored.get(keyOf(held.name))));
    for (const [link, ofLink] of Map.groupBy(entries.entries(), ([, held]) => held.link)) {
      const began = ofLink.map(([index]) => beganMs[index] ?? link.atMs);
      // A part of a large link's attempts, or what retention left of them: none of them began later.
      const isWhole = ofLink.length * CHAIN_ENTRY_BYTES === link.entries.length;
      const latest = Math.max(...began);
      if (isWhole ? latest !== link.atMs : latest > link.atMs) {
        this.#fault({ kind: 'link_moved', sequence: link.sequence });
      }
    }
  }

  /** When the attempt began, where it is as its link has it. */
  #compareOne({ name, entry, link: { sequence } }: HeldAttempt, attempt: NamedAttempt | undefined): number | null {
    const { attemptsKeptFrom, deliveriesKeptFrom } = this.#bounds;
    const { requestId } = name;
    if (attempt === undefined) {
      if (attemptsKeptFrom !== null && requestId < attemptsKeptFrom) this.#dropped += 1;
      else this.#fault({ kind: 'attempt_missing', sequence, ...name });
    } else if (attempt.ofDelivery === null) {
      if (deliveriesKeptFrom !== null && requestId < deliveriesKeptFrom) this.#dropped += 1;
      else this.#fault({ kind: 'delivery_missing', sequence, ...name });
    } else if (holds(this.#appId, attempt, entry)) {
      this.#attempts += 1;
      return attempt.startedAt.getTime();
    } else this.#fault({ kind: 'attempt_changed', sequence, ...name });
    return null;
  }

  async end(): Promise<ChainReport> {
    await this.#judgeHead();
    const { chainedSince, linksKeptFrom, linksDropped, forgedDrops } = this.#bounds;
    if (forgedDrops > 0) this.#fault({ kind: 'retention_forged' });
    const before = linksKeptFrom !== null && linksKeptFrom > chainedSince ? linksKeptFrom : chainedSince;
    const { planted, older } = await findUnlinkedAttempts(this.#db, this.#appId, { before, limit: FAULTS_MAX });
    for (const name of planted) this.#fault({ kind: 'attempt_unlinked', ...name });
    const kept = { acceptedFrom: this.#bounds.attemptsKeptFrom, limit: FAULTS_MAX };
    for (const requestId of await findUnacknowledged(this.#db, this.#appId, kept)) {
      this.#fault({ kind: 'delivery_unacknowledged', requestId });
    }
    return {
      appId: this.#appId,
      links: this.links,
      firstSequence: this.#first,
      linksDropped: linksDropped.reduce((sum, run) => sum + run.last - run.first + 1, 0),
      attempts: this.#attempts,
      attemptsDropped: this.#dropped,
      attemptsOlder: older,
      head: this.#head,
      faults: this.#faults,
      faultCount: this.#faultCount,
    };
  }

  async #judgeHead(): Promise<void> {
    const head = this.#head;
    const last = this.#last;
    if (head === null) {
      const dropped = this.#bounds.linksDropped.at(-1);
      if (dropped !== undefined && last === null) this.#fault({ kind: 'head_missing', sequence: dropped.last });
      if (last !== null) this.#fault({ kind: 'head_missing', sequence: last.sequence });
      return;
    }
    // Retention may have dropped every link of an application that has been silent since.
    this.#judgeGap(head.sequence);
    const hash = last?.sequence === head.sequence ? last.hash : this.#droppedHash(head.sequence);
    if (hash !== null && !hash.equals(head.hash)) this.#fault({ kind: 'head_differs', sequence: head.sequence });
    // The links first: a head that is read later is never behind them.
    const lastSequence = await findLastSequence(this.#db, this.#appId);
    const present = await findChainHead(this.#db, this.#appId);
    if (lastSequence !== null && present !== null && lastSequence > present.sequence) {
      this.#fault({ kind: 'link_beyond_head', sequence: lastSequence });
    }
  }

  #fault(fault: ChainFault): void {
    this.#faultCount += 1;
    if (this.#faults.length < FAULTS_MAX) this.#faults.push(fault);
  }
}

/** Whether an entry is of this attempt, in its present form or in that from before deliveries were hashed too. */
function holds(appId: string, attempt: NamedAttempt, entry: Buffer): boolean {
  return [attempt.ofDelivery, null].some((of) => chainEntry(appId, attempt.requestId, attempt, of).equals(entry));
}

function nameOf(entry: Buffer): AttemptName {
  const hex = entry.subarray(0, 16).toString('hex');
  const requestId = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  return { requestId, number: entry.readUInt32BE(16) };
}

function keyOf({ requestId, number }: AttemptName): string {
  return entryPrefix(requestId, number).toString('latin1', 0, ENTRY_PREFIX_BYTES);
}
