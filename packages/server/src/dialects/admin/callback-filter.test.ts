import { expect, test } from 'vitest';
import { readSharedFilter } from './callback-filter.ts';

test.each([
  ['2016-12-31T23:59:60Z', '2016-12-31T23:59:59.000Z'],
  ['2016-12-31T23:59:60.5z', '2016-12-31T23:59:59.500Z'],
  ['2017-01-01T07:59:60+08:00', '2016-12-31T23:59:59.000Z'],
  ['2026-03-22T18:00:00-01:00', '2026-03-22T19:00:00.000Z'],
])('a filter from %s on', (from, instant) => {
  expect(readSharedFilter({ from, to: from })).toEqual({ from: new Date(instant), to: new Date(instant) });
});
