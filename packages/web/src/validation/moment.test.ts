import { expect, test } from 'vitest';
import { moment } from './moment.ts';

test.each([
  ['2026-03-02T00:30:05+08:00', '2026-03-02 00:30:05 UTC+08:00'],
  ['2026-03-01T11:30:05-05:00', '2026-03-01 11:30:05 UTC-05:00'],
  ['2026-03-01T16:30:05.000Z', '2026-03-02 00:30:05 UTC+08:00'],
  ['2026-03-01T16:30:05', '2026-03-01 16:30:05 (?)'],
  ['soon', 'soon'],
])('%s is read as %s', (iso, text) => {
  expect(moment(iso, '?')).toBe(text);
});
