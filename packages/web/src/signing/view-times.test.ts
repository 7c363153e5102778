import { expect, test } from 'vitest';
import { createViewTimes } from './view-times.ts';

test('adds up what each page was looked at, and tells it once', () => {
  const times = createViewTimes();
  times.show(1, 0);
  times.show(2, 1_500);
  times.show(1, 4_000);
  expect(times.take(5_000)).toEqual([
    { page: 1, milliseconds: 2_500 },
    { page: 2, milliseconds: 2_500 },
  ]);
  expect(times.take(5_500)).toEqual([{ page: 1, milliseconds: 500 }]);
});

test('a hidden document is not looked at, and pages in passing are kept until they count', () => {
  const times = createViewTimes();
  times.show(3, 0);
  times.show(null, 60);
  expect(times.take(9_000)).toEqual([]);
  times.show(3, 10_000);
  expect(times.take(10_060)).toEqual([{ page: 3, milliseconds: 120 }]);
});

test('a device that slept with the page open tells of no reader', () => {
  const times = createViewTimes();
  times.show(1, 0);
  expect(times.take(12 * 3_600_000)).toEqual([{ page: 1, milliseconds: 600_000 }]);
});
