import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PublishingGate } from './publishing-gate.ts';

const LIMITS = { inFlightMax: 3, inFlightPerAppMax: 2, waitingMax: 4, waitingPerAppMax: 3 };

/** A gate whose works end when they are told to. */
function watched(limits = LIMITS) {
  const gate = new PublishingGate(limits);
  const running: { name: string; appId: string; end: () => void }[] = [];
  const started: string[] = [];
  const refused: string[] = [];
  const publish = async (appId: string, name: string): Promise<void> => {
    try {
      await gate.run(appId, async () => {
        const { promise, resolve } = Promise.withResolvers<void>();
        running.push({ name, appId, end: resolve });
        started.push(name);
        await promise;
      });
    } catch {
      refused.push(name);
    }
  };
  const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
  const end = async (name: string): Promise<void> => {
    const index = running.findIndex((work) => work.name === name);
    running.splice(index, 1)[0]!.end();
    await settled();
  };
  return { publish, end, settled, running, started, refused, gate };
}

describe('events that are published at once', () => {
  it('take turns, one application no more than its part', async () => {
    const { publish, end, settled, started } = watched();
    for (const name of ['a1', 'a2', 'a3', 'b1', 'b2']) void publish(name[0]!, name);
    await settled();
    expect(started).toEqual(['a1', 'a2', 'b1']);
    await end('b1');
    // a3 came before b2, and a has its part already.
    expect(started.slice(3)).toEqual(['b2']);
    await end('a1');
    expect(started.slice(4)).toEqual(['a3']);
  });

  it('are told at once when too many wait, of one application or of all', async () => {
    const { publish, settled, refused } = watched();
    for (const name of ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'b1', 'b2', 'b3']) void publish(name[0]!, name);
    await settled();
    expect(refused).toEqual(['a6', 'b3']);
  });

  it('give their turn back when they fail', async () => {
    const gate = new PublishingGate({ ...LIMITS, inFlightMax: 1 });
    const fault = gate.run('a', () => Promise.reject(new Error('no')));
    const next = gate.run('a', async () => 'done');
    await expect(fault).rejects.toThrow('no');
    expect(await next).toBe('done');
  });

  it('all run, never more at once than may, whatever order they come and end in', async () => {
    const limits = { ...LIMITS, waitingMax: 99, waitingPerAppMax: 99 };
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom('a', 'b', 'c')), fc.infiniteStream(fc.nat(2)), async (apps, picks) => {
        const { publish, end, settled, running, started } = watched(limits);
        for (const [index, appId] of apps.entries()) void publish(appId, `${appId}${index}`);
        await settled();
        while (running.length > 0) {
          expect(running.length).toBeLessThanOrEqual(limits.inFlightMax);
          for (const app of ['a', 'b', 'c']) {
            expect(running.filter(({ appId }) => appId === app).length).toBeLessThanOrEqual(limits.inFlightPerAppMax);
          }
          await end(running[picks.next().value! % running.length]!.name);
        }
        expect(started).toHaveLength(apps.length);
      }),
      { numRuns: 50 },
    );
  });
});
