import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { preferencesOf } from './callback-exchange.ts';

test('Prefer, as RFC 7240 writes it', () => {
  expect(preferencesOf('')).toEqual({ respondAsync: false, waitSeconds: null });
  expect(preferencesOf('respond-async')).toEqual({ respondAsync: true, waitSeconds: null });
  expect(preferencesOf('Respond-Async; foo="bar", wait=10')).toEqual({ respondAsync: true, waitSeconds: 10 });
  expect(preferencesOf('wait = 7 , respond-async')).toEqual({ respondAsync: true, waitSeconds: 7 });
  expect(preferencesOf('wait="0"')).toEqual({ respondAsync: false, waitSeconds: 0 });
  expect(preferencesOf('wait=31, wait=2')).toEqual({ respondAsync: false, waitSeconds: 30 });
  for (const ignored of [
    'wait',
    'wait=-1',
    'wait=1.5',
    'wait=soon',
    'waiting=3',
    'no-respond-async',
    'return=minimal',
  ]) {
    expect(preferencesOf(ignored)).toEqual({ respondAsync: false, waitSeconds: null });
  }
});

test('whatever stands there, the wait is bounded', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.nat().map((seconds) => `wait=${seconds}`),
      ),
      (header) => {
        const { waitSeconds } = preferencesOf(header);
        expect(waitSeconds === null || (waitSeconds >= 0 && waitSeconds <= 30)).toBe(true);
      },
    ),
  );
});
