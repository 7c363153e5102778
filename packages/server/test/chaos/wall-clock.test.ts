import { afterEach, expect, test } from 'vitest';
import { installWallClock } from './wall-clock.ts';

const RealDate = Date;
afterEach(() => {
  globalThis.Date = RealDate;
});

test('a clock that was set forward or back shows it everywhere; given moments and monotonic time do not change', () => {
  const set = installWallClock();
  for (const offsetMs of [3_600_000, -3_600_000, 0]) {
    const monotonic = performance.now();
    set(offsetMs);
    const shown = [Date.now(), new Date().getTime(), RealDate.parse(Date())];
    for (const at of shown) expect(Math.abs(at - RealDate.now() - offsetMs)).toBeLessThan(60_000);
    expect(new Date(5).getTime()).toBe(5);
    expect(new Date(2026, 0, 1) instanceof RealDate && new RealDate(7) instanceof Date).toBe(true);
    expect(performance.now() - monotonic).toBeLessThan(60_000);
  }
});
