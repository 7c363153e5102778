import { expect, test } from 'vitest';
import { momentOf } from './moment.ts';

const NOW = new Date('2026-03-22T10:00:00Z');

test('a moment stands with its zone, as a day in UTC, or as how long ago', () => {
  expect(momentOf('2026-03-22T18:00+08:00', NOW)).toBe('2026-03-22T10:00:00.000Z');
  expect(momentOf('2026-03-22T10:00:00.5Z', NOW)).toBe('2026-03-22T10:00:00.500Z');
  expect(momentOf('2026-03-22', NOW)).toBe('2026-03-22T00:00:00.000Z');
  expect(momentOf('90m', NOW)).toBe('2026-03-22T08:30:00.000Z');
  expect(momentOf('2d', NOW)).toBe('2026-03-20T10:00:00.000Z');
});

test.each(['2026-03-22T18:00', '22.3.2026', 'yesterday', '2026-13-01', '2s', ''])('%j is none', (text) => {
  expect(() => momentOf(text, NOW)).toThrow('is no moment');
});
