import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/index.ts';
import type { Apps } from './app.ts';

export interface AppsDependencies {
  readonly db: Database;
  readonly clock: Clock;
}

export function createApps(_dependencies: AppsDependencies): Apps {
  throw new Error('not wired yet');
}
