// Ctrl-C in the middle of the demo: everything was stopped, and the process stayed for the rest of a minute because a
// step still waited for a callback.
import { expect, test } from 'vitest';
import { startReceiver } from '../../src/demo/receiver.ts';

test('a receiver that closes lets nobody wait on', async () => {
  const receiver = await startReceiver(0, new Map());
  const waiting = receiver.waitFor('a callback', () => false, 3_600_000);
  await Promise.all([expect(waiting).rejects.toThrow('the receiver closed'), receiver.close()]);
});
