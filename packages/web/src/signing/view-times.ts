/** How long each page has been looked at since it was last told, in milliseconds. */
export interface ViewTimes {
  /** From now on this page is looked at; null: none, the document is hidden. */
  show(page: number | null, nowMs: number): void;
  /** What has not been told yet; afterwards nothing is left to tell. */
  take(nowMs: number): { page: number; milliseconds: number }[];
}

/** A device that slept tells nothing of its reader. */
const LOOK_MS_MAX = 10 * 60_000;
/** Less is passing by. */
const TOLD_MS_MIN = 100;

/** Adds up, page by page. `nowMs` comes from a clock that never goes back. */
export function createViewTimes(): ViewTimes {
  const times = new Map<number, number>();
  let page: number | null = null;
  let sinceMs = 0;

  function add(nowMs: number): void {
    if (page !== null) times.set(page, (times.get(page) ?? 0) + Math.min(nowMs - sinceMs, LOOK_MS_MAX));
    sinceMs = nowMs;
  }

  return {
    show(next, nowMs) {
      add(nowMs);
      page = next;
    },
    take(nowMs) {
      add(nowMs);
      const taken = [...times]
        .map(([page, milliseconds]) => ({ page, milliseconds: Math.round(milliseconds) }))
        .filter(({ milliseconds }) => milliseconds >= TOLD_MS_MIN);
      for (const { page } of taken) times.delete(page);
      return taken;
    },
  };
}
