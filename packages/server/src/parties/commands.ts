import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/index.ts';
import type { Parties } from './party.ts';

export interface PartiesDependencies {
  readonly db: Database;
  readonly clock: Clock;
}

export function createParties(_dependencies: PartiesDependencies): Parties {
  throw new Error('not wired yet');
}
