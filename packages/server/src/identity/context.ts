import type { Apps } from '../apps/index.ts';
import type { Bank } from '../bank/index.ts';
import type { Documents } from '../documents/index.ts';
import type { Jobs } from '../jobs/index.ts';
import type { Notify } from '../notify/index.ts';
import type { Parties } from '../parties/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/index.ts';
import type { Egress } from '../platform/egress/index.ts';
import { DomainError } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { Vault } from '../platform/vault.ts';
import type { Seals } from '../seals/index.ts';
import type { Trust } from '../trust/index.ts';
import type { FactorSourceName } from './factor-source.ts';
import type { FlowRow } from './tables.ts';
import type { FlowKey, IdentityErrorCode } from './terms.ts';

/** Everything that identity is made of; the composition root hands it in. */
export interface IdentityDependencies {
  readonly db: Database;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly log: Logger;
  readonly egress: Pick<Egress, 'checkUrl'>;
  readonly jobs: Pick<Jobs, 'every'>;
  readonly apps: Pick<Apps, 'find'>;
  readonly parties: Parties;
  readonly bank: Pick<
    Bank,
    | 'available'
    | 'allocateSubAccount'
    | 'releaseSubAccount'
    | 'consultedSince'
    | 'createOrder'
    | 'orderOf'
    | 'showChannel'
  >;
  readonly documents: Pick<Documents, 'storeFile' | 'findFile' | 'fileUrl'>;
  readonly seals: Seals;
  readonly trust: Pick<Trust, 'companySigner'>;
  readonly notify: Notify;
  /** Who is asked whether factors belong together; `declared` by default. */
  readonly factorSource?: FactorSourceName;
}

export type IdentityContext = IdentityDependencies;

export const SWEEP_EVERY_MS = 60_000;
export const SWEEP_ROWS_MAX = 500;

export function refused(code: IdentityErrorCode, params: Record<string, string> = {}): DomainError<IdentityErrorCode> {
  return new DomainError(code, params);
}

type Column = 'legal_rep_id' | 'payer_account' | 'mobile' | 'further';

const place = (whose: string, column: Column): string => `identity:${whose}:${column}`;

/** Whose a sealed text is: a flow's or a company's. */
export function flowOwner({ appId, flowId }: FlowKey): string {
  return `flow:${appId}:${flowId}`;
}
export function orgOwner(appId: string, etcOrgNo: string): string {
  return `org:${appId}:${etcOrgNo}`;
}

export function sealText(
  { vault }: Pick<IdentityContext, 'vault'>,
  whose: string,
  column: Column,
  text: string,
): Buffer {
  return vault.seal(Buffer.from(text, 'utf8'), place(whose, column));
}

export function openText(
  { vault }: Pick<IdentityContext, 'vault'>,
  whose: string,
  column: Column,
  sealed: Buffer,
): string {
  return vault.open(sealed, place(whose, column)).toString('utf8');
}

export function keyOf(flow: Pick<FlowRow, 'app_id' | 'flow_id'>): FlowKey {
  return { appId: flow.app_id, flowId: flow.flow_id };
}

/** Whether the flow's time is over, marked or not. */
export function isOver(flow: FlowRow, now: Date): boolean {
  return flow.state === 'expired' || (flow.state === 'open' && flow.expires_at <= now);
}

/**
 * A flow that something may still be done with.
 *
 * @throws DomainError verification_not_found, verification_expired, verification_ended
 */
export function assertOpen(flow: FlowRow | undefined, { flowId }: FlowKey, now: Date): asserts flow is FlowRow {
  if (flow === undefined) throw refused('verification_not_found', { flowId });
  if (isOver(flow, now)) throw refused('verification_expired', { flowId });
  if (flow.state !== 'open') throw refused('verification_ended', { flowId });
}
