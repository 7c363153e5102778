import { array, assert, asyncProperty, integer, property, record } from 'fast-check';
import { expect, test } from 'vitest';
import { createSynchronisedClock } from './synchronised-clock.ts';

const HOUR_MS = 3_600_000;

test('shows the source’s time from the first look on, wherever this machine’s own clock stands', async () => {
  await assert(
    asyncProperty(integer({ min: -HOUR_MS, max: HOUR_MS }), integer({ min: 0, max: 900 }), async (wrongMs, trip) => {
      const real = Date.UTC(2026, 0, 1);
      let monotonic = 5_000;
      const source = async (): Promise<number> => {
        monotonic += trip;
        return real + monotonic;
      };
      const clock = createSynchronisedClock(source, () => monotonic, new Date(real + monotonic + wrongMs));
      expect(clock.now().getTime()).toBe(real + monotonic + wrongMs);
      await clock.synchronise();
      expect(Math.abs(clock.now().getTime() - real - monotonic)).toBeLessThanOrEqual(trip / 2 + 1);
    }),
  );
});

test('steps of the wall clock do not matter: between two looks it runs by monotonic time alone', () => {
  assert(
    property(array(record({ passMs: integer({ min: 0, max: 10_000 }) })), (steps) => {
      let monotonic = 0;
      const clock = createSynchronisedClock(
        async () => 0,
        () => monotonic,
        new Date(1_000_000),
      );
      for (const { passMs } of steps) {
        const before = clock.now().getTime();
        monotonic += passMs;
        expect(clock.now().getTime() - before).toBe(passMs);
      }
    }),
  );
});

test('the first look counts however long it took; a later one that was slow says too little', async () => {
  let monotonic = 0;
  let tripMs = 3_000;
  let shown = 10 * HOUR_MS;
  const source = async (): Promise<number> => {
    monotonic += tripMs;
    return shown;
  };
  const clock = createSynchronisedClock(source, () => monotonic, new Date(0));
  await clock.synchronise();
  expect(clock.now().getTime()).toBe(10 * HOUR_MS + 1_500);
  shown = 20 * HOUR_MS;
  await clock.synchronise();
  expect(clock.now().getTime()).toBe(10 * HOUR_MS + 4_500);
  tripMs = 10;
  await clock.synchronise();
  expect(clock.now().getTime()).toBe(20 * HOUR_MS + 5);
});

test('a source that cannot be asked is an error, and the clock goes on', async () => {
  let monotonic = 0;
  const source = async (): Promise<number> => {
    throw new Error('gone');
  };
  const clock = createSynchronisedClock(source, () => monotonic, new Date(7));
  await expect(clock.synchronise()).rejects.toThrow('gone');
  monotonic = 5;
  expect(clock.now().getTime()).toBe(12);
});
