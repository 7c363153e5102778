import type { Clock } from '../platform/clock.ts';
import type { KnownApp } from './store.ts';

const FRESH_MS = 1_000;
/** Apps that exist are few; what is looked up in vain is not kept, so a stranger cannot fill this. */
const ENTRIES_MAX = 10_000;

/** Apps of the last second. Calls for one app at the same time share one query. */
export interface AppCache {
  get(appId: string, load: () => Promise<KnownApp | undefined>): Promise<KnownApp | undefined>;
  /** Drops the app, and with it what a query under way is about to bring. */
  forget(appId: string): void;
}

interface Entry {
  readonly loaded: Promise<KnownApp | undefined>;
  readonly at: number;
}

export function createAppCache(clock: Clock): AppCache {
  const entries = new Map<string, Entry>();

  return {
    async get(appId, load) {
      const now = clock.now().getTime();
      const cached = entries.get(appId);
      // A clock that stepped back makes an entry old too.
      if (cached !== undefined && Math.abs(now - cached.at) < FRESH_MS) return cached.loaded;
      const entry: Entry = { loaded: load(), at: now };
      if (entries.size >= ENTRIES_MAX) entries.clear();
      entries.set(appId, entry);
      try {
        const known = await entry.loaded;
        if (known === undefined && entries.get(appId) === entry) entries.delete(appId);
        return known;
      } catch (error) {
        if (entries.get(appId) === entry) entries.delete(appId);
        throw error;
      }
    },
    forget: (appId) => {
      entries.delete(appId);
    },
  };
}
