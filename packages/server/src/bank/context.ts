import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/index.ts';
import type { Logger } from '../platform/log.ts';
import type { Vault } from '../platform/vault.ts';
import type { PaymentListener } from './bank.ts';

/** What the commands of the bank work with. */
export interface BankContext {
  readonly db: Database;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly log: Logger;
  /** Who is told of payments; nobody until the composition root says. */
  listener: PaymentListener | null;
}

/** The bank is the operator's: its audit is not of an application. */
export const OPERATORS_CHAIN = '*';
