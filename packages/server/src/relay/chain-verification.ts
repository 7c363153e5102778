import type { Database } from '../platform/database/index.ts';
import { CHAIN_ENTRY_BYTES, chainEntry, ENTRY_PREFIX_BYTES, entryPrefix, linkHash } from './attempt-chain.ts';
import {
  findChainBounds,
  findLastSequence,
  findLinksAfter,
  findNamedAttempts,
  findUnattempted,
  findUnlinkedAttempts,
  type AttemptName,
  type ChainBounds,
  type StoredLink,
} from './chain-store.ts';
import { findChainHead, type ChainHead } from './evidence-store.ts';

/**
 * One thing that does not hold in a chain of attempts:
 *
 * - `link_changed`: its hash does not follow from its entries and the link before
 * - `link_missing`: no link of this number (up to `lastSequence`)
 * - `link_repeated`: another link has this number too
 * - `link_beyond_head`, `head_missing`, `head_differs`: the chain's row does not say what its last link says
 * - `attempt_changed`, `attempt_missing`: not as link `sequence` has it, not there
 * - `attempt_unlinked`: no link holds it
 * - `delivery_unattempted`: delivered, and without any attempt
 */
export interface ChainFault {
  readonly kind:
    | 'link_changed'
    | 'link_missing'
    | 'link_repeated'
    | 'link_beyond_head'
    | 'head_missing'
    | 'head_differs'
    | 'attempt_changed'
    | 'attempt_missing'
    | 'attempt_unlinked'
    | 'delivery_unattempted';
  readonly sequence?: number;
  readonly lastSequence?: number;
  readonly requestId?: string;
  readonly number?: number;
}

export interface ChainReport {
  readonly appId: string;
  /** Links that were looked at, and the number of the first of them: above 1 where retention dropped those before. */
  readonly links: number;
  readonly firstSequence: number | null;
  /** Attempts that are there and as their link has them. */
  readonly attempts: number;
  /** Attempts of kept links whose delivery retention dropped. */
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
 */
export async function verifyDeliveryChain(
  db: Database,
  appId: string,
  onProgress: (progress: ChainProgress) => void = () => undefined,
): Promise<ChainReport> {
  const head = await findChainHead(db, appId);
  const bounds = await findChainBounds(db);
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
    let entries: { readonly name: AttemptName; readonly entry: Buffer; readonly sequence: number }[] = [];
    for (const link of links) {
      this.#follow(link);
      for (let at = 0; at + CHAIN_ENTRY_BYTES <= link.entries.length; at += CHAIN_ENTRY_BYTES) {
        const entry = link.entries.subarray(at, at + CHAIN_ENTRY_BYTES);
        entries.push({ name: nameOf(entry), entry, sequence: link.sequence });
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
    if (last !== null && sequence === last.sequence) {
      this.#fault({ kind: 'link_repeated', sequence });
      return;
    }
    const expected = last === null ? sequence : last.sequence + 1;
    if (sequence > expected) this.#fault({ kind: 'link_missing', sequence: expected, lastSequence: sequence - 1 });
    // After a gap, and where retention dropped the one before, there is nothing to recompute the hash from.
    const isAnchored = sequence === 1 || (last !== null && sequence === expected);
    if (isAnchored && !linkHash(last?.hash ?? null, link.entries).equals(link.hash)) {
      this.#fault({ kind: 'link_changed', sequence });
    }
    this.#last = { sequence, hash: link.hash };
  }

  async #compare(
    entries: readonly { readonly name: AttemptName; readonly entry: Buffer; readonly sequence: number }[],
  ): Promise<void> {
    const found = await findNamedAttempts(
      this.#db,
      this.#appId,
      entries.map((entry) => entry.name),
    );
    const stored = new Map(found.map((attempt) => [keyOf(attempt), attempt]));
    for (const { name, entry, sequence } of entries) {
      const attempt = stored.get(keyOf(name));
      if (attempt === undefined) {
        const { attemptsKeptFrom } = this.#bounds;
        if (attemptsKeptFrom !== null && name.requestId < attemptsKeptFrom) this.#dropped += 1;
        else this.#fault({ kind: 'attempt_missing', sequence, ...name });
      } else if (chainEntry(this.#appId, name.requestId, attempt).equals(entry)) this.#attempts += 1;
      else this.#fault({ kind: 'attempt_changed', sequence, ...name });
    }
  }

  async end(): Promise<ChainReport> {
    await this.#judgeHead();
    const { chainedSince, linksKeptFrom } = this.#bounds;
    const keptFrom = this.#first === 1 || linksKeptFrom === null ? chainedSince : linksKeptFrom;
    const before = keptFrom > chainedSince ? keptFrom : chainedSince;
    const { planted, older } = await findUnlinkedAttempts(this.#db, this.#appId, { before, limit: FAULTS_MAX });
    for (const name of planted) this.#fault({ kind: 'attempt_unlinked', ...name });
    const kept = { acceptedFrom: this.#bounds.attemptsKeptFrom, limit: FAULTS_MAX };
    for (const requestId of await findUnattempted(this.#db, this.#appId, kept)) {
      this.#fault({ kind: 'delivery_unattempted', requestId });
    }
    return {
      appId: this.#appId,
      links: this.links,
      firstSequence: this.#first,
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
      if (last !== null) this.#fault({ kind: 'head_missing', sequence: last.sequence });
      return;
    }
    if (last === null || last.sequence < head.sequence) {
      // Retention may have dropped every link of an application that has been silent since.
      const isDropped = last === null && this.#bounds.linksKeptFrom !== null;
      const from = (last?.sequence ?? 0) + 1;
      if (!isDropped) this.#fault({ kind: 'link_missing', sequence: from, lastSequence: head.sequence });
    } else if (!last.hash.equals(head.hash)) this.#fault({ kind: 'head_differs', sequence: head.sequence });
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

function nameOf(entry: Buffer): AttemptName {
  const hex = entry.subarray(0, 16).toString('hex');
  const requestId = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  return { requestId, number: entry.readUInt32BE(16) };
}

function keyOf({ requestId, number }: AttemptName): string {
  return entryPrefix(requestId, number).toString('latin1', 0, ENTRY_PREFIX_BYTES);
}
