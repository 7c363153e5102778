import { expect, test } from 'vitest';
import { attemptUrl } from './destination.ts';

const accepted = { url: 'https://a.example/1', urlVersion: 1 };
const present = { url: 'https://a.example/2', urlVersion: 2 };

test('a retry goes to the newest URL, or to that of the time of acceptance where the destination pins it', () => {
  expect(attemptUrl(accepted, { ...present, urlPinning: 'newest' })).toEqual(present);
  expect(attemptUrl(accepted, { ...present, urlPinning: 'pinned' })).toEqual(accepted);
});

test('a delivery to a bare URL goes there', () => {
  expect(attemptUrl({ url: accepted.url }, null)).toEqual({ url: accepted.url, urlVersion: null });
});
