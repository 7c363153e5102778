import { expect, test } from 'vitest';
import { durationMs } from './duration.ts';

test.each([
  ['250ms', 250],
  ['3s', 3_000],
  ['1m', 60_000],
  ['2h', 7_200_000],
  ['7d', 604_800_000],
])('%s is %d ms', (text, ms) => expect(durationMs(text)).toBe(ms));

test.each(['', '3', 's', '-1s', '1.5s', '1w', '1s '])('%j is no duration', (text) =>
  expect(() => durationMs(text)).toThrow('duration'),
);
