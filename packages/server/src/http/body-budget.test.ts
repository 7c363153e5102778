import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { BodyBudget } from './body-budget.ts';

/** A request of which only the head has come. */
function arriving(bytes: number) {
  const request = Object.assign(new EventEmitter(), {
    headers: { 'content-length': String(bytes) },
    socket: { bytesRead: 200 },
    destroyed: false,
    destroy(): void {
      request.destroyed = true;
    },
  });
  return { request, asMessage: request as unknown as IncomingMessage };
}

test('beside others only slow bodies give way', () => {
  let nowMs = 0;
  const budget = new BodyBudget(100_000, () => nowMs);
  const brisk = arriving(50_000);
  const slow = arriving(50_000);
  for (const { asMessage } of [brisk, slow]) expect(budget.admitBesideOthers(asMessage, 50_000)).toBe(0);

  // Nobody had the time to be slow.
  nowMs = 1_000;
  expect(budget.admitBesideOthers(arriving(1).asMessage, 50_000)).toBe(null);
  expect(budget.bytes).toBe(100_000);

  nowMs = 1_001;
  brisk.request.socket.bytesRead += 40_000;
  expect(budget.admitBesideOthers(arriving(1).asMessage, 50_000)).toBe(1);
  expect([brisk.request.destroyed, slow.request.destroyed]).toEqual([false, true]);
  expect(budget.bytes).toBe(50_001);

  // What does not ask for room beside others takes it from whoever has been there for the longest.
  expect(budget.admit(arriving(60_000).asMessage, 60_000)).toBe(1);
  expect(brisk.request.destroyed).toBe(true);
  expect(budget.bytes).toBe(60_001);
});

test('a body larger than the budget is admitted where nothing else arrives', () => {
  const budget = new BodyBudget(10);
  const large = arriving(50);
  expect(budget.admitBesideOthers(large.asMessage, 50)).toBe(0);
  expect(budget.admitBesideOthers(arriving(1).asMessage, 50)).toBe(null);
  large.request.emit('end');
  expect(budget.bytes).toBe(0);
});
