import type { KeyObject } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import type { Vault } from '../platform/vault.ts';
import { findChainedApps } from './chain-store.ts';
import { verifyDeliveryChain, type ChainProgress, type ChainReport } from './chain-verification.ts';
import { findAttempts, findDelivery } from './delivery-store.ts';
import { evidenceStatement, signEvidence, type Evidence } from './evidence.ts';
import { findChainHead, findLinksOf } from './evidence-store.ts';
import { findLanes, type LaneListing } from './lane-store.ts';
import { awaitRows } from './journal-store.ts';
import { isUuid } from './operator-commands.ts';
import type { RelayErrorCode } from './relay.ts';
import { retentionKey } from './retention-record.ts';
import { previewReplays, replayMany, type ReplayFilter, type ReplayPreview, type ReplayRun } from './replay-many.ts';

export interface OperationsDependencies {
  readonly db: Database;
  readonly clock: Clock;
  /** The one that the relay has: its key tells drops of retention from others' deletions. */
  readonly vault: Pick<Vault, 'deriveKey'>;
  readonly keys: {
    /** The application's relay key. */
    bodyKey(appId: string): Promise<KeyObject>;
  };
  /** Waits; rejects when the signal is aborted. */
  readonly sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/** What an operator does with the relay beside single deliveries. It works on the database alone. */
export interface RelayOperations {
  /** The signed record of one delivery. Throws `delivery_not_found`, `delivery_record_changed`. */
  exportEvidence(requestId: string): Promise<Evidence>;
  /** Applications that have a chain of attempts. */
  listChainedApps(): Promise<readonly string[]>;
  verifyChain(appId: string, onProgress?: (progress: ChainProgress) => void): Promise<ChainReport>;
  /** Destinations with something under way or a circuit that is not closed, the longest backlog first. */
  listLanes(filter: { readonly appId?: string; readonly calleeNo?: string }): Promise<readonly LaneListing[]>;
  /** What `replayMany` would send again. Throws `search_unbounded`, `search_too_slow`. */
  previewReplays(filter: ReplayFilter): Promise<ReplayPreview>;
  /** Sends ended deliveries again, the oldest first. Audited once, before the first. Throws as `previewReplays`. */
  replayMany(run: ReplayRun): ReturnType<typeof replayMany>;
}

export function createRelayOperations(dependencies: OperationsDependencies): RelayOperations {
  const { db, clock, vault, keys } = dependencies;
  return {
    async exportEvidence(requestId) {
      if (isUuid(requestId)) await awaitRows(db, requestId);
      const delivery = isUuid(requestId) ? await findDelivery(db, requestId) : null;
      if (delivery === null) throw new DomainError<RelayErrorCode>('delivery_not_found', { requestId });
      const { appId } = delivery;
      const attempts = await findAttempts(db, appId, requestId);
      const links = await findLinksOf(db, appId, requestId, attempts);
      const head = await findChainHead(db, appId);
      const statement = evidenceStatement({ delivery, attempts, links, head, at: clock.now() });
      return signEvidence(statement, await keys.bodyKey(appId));
    },
    listChainedApps: () => findChainedApps(db),
    verifyChain: (appId, onProgress) => verifyDeliveryChain(db, appId, retentionKey(vault), onProgress),
    listLanes: (filter) => findLanes(db, filter),
    previewReplays: (filter) => previewReplays(db, filter),
    replayMany: (run) => replayMany(dependencies, run),
  };
}
