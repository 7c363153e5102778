import { array, assert, constantFrom, domain, integer, property, record, string, uniqueArray } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LaneBook } from './lane-book.ts';
import { applicationOf, applicationSlots, laneOfCallee, laneOfUrl, laneRoom, shareOfCap } from './lane.ts';
import { ReadyLanes } from './ready-lanes.ts';

const nodeNames = uniqueArray(string({ minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 9 });
const laneNames = string({ minLength: 1, maxLength: 40 });

describe('the parts of a cap', () => {
  test('add up to the cap, whatever nodes there are, and differ by one at most', () => {
    assert(
      property(integer({ min: 1, max: 300 }), laneNames, nodeNames, (cap, lane, nodes) => {
        const parts = nodes.map((node) => shareOfCap(cap, lane, nodes, node));
        expect(parts.reduce((sum, part) => sum + part, 0)).toBe(cap);
        expect(Math.max(...parts) - Math.min(...parts)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('do not hang on the order in which nodes are named', () => {
    assert(
      property(integer({ min: 1, max: 20 }), laneNames, nodeNames, (cap, lane, nodes) => {
        for (const node of nodes) {
          expect(shareOfCap(cap, lane, nodes.toReversed(), node)).toBe(shareOfCap(cap, lane, nodes, node));
        }
      }),
    );
  });

  test('a cap of one stays where it is when another node goes: only what that node had moves', () => {
    assert(
      property(laneNames, nodeNames, (lane, nodes) => {
        const holder = nodes.find((node) => shareOfCap(1, lane, nodes, node) === 1);
        for (const gone of nodes) {
          const left = nodes.filter((node) => node !== gone);
          if (gone === holder || left.length === 0) continue;
          expect(shareOfCap(1, lane, left, holder ?? '')).toBe(1);
        }
      }),
    );
  });

  test('caps of one spread over the nodes', () => {
    const nodes = ['node-1', 'node-2', 'node-3', 'node-4'];
    const lanes = Array.from({ length: 4_000 }, (_, n) => `5SV4BVSY0OXQ3ZSA/callee-${n}`);
    for (const node of nodes) {
      const held = lanes.filter((lane) => shareOfCap(1, lane, nodes, node) === 1).length;
      expect(held).toBeGreaterThan(800);
      expect(held).toBeLessThan(1_200);
    }
  });
});

describe('slots of one lane', () => {
  const slotsOf = (max: number) => integer({ min: 0, max }).map((taken) => ({ max, free: max - taken }));
  const anySlots = integer({ min: 1, max: 2_000 }).chain(slotsOf);

  test('never more than its part of the cap and than what is free; where anything is free, one for a lane that has none', () => {
    assert(
      property(anySlots, integer({ min: 0, max: 500 }), integer({ min: 0, max: 500 }), (slots, share, inFlight) => {
        const room = laneRoom({ share, inFlight }, slots);
        expect(room).toBeGreaterThanOrEqual(0);
        expect(room).toBeLessThanOrEqual(Math.max(0, Math.min(share - inFlight, slots.free)));
        if (inFlight === 0 && share > 0 && slots.free > 0) expect(room).toBeGreaterThan(0);
      }),
    );
  });

  test('taken at once or one by one it is the same', () => {
    assert(
      property(anySlots, integer({ min: 1, max: 500 }), (slots, share) => {
        const atOnce = laneRoom({ share, inFlight: 0 }, slots);
        let inFlight = 0;
        while (laneRoom({ share, inFlight }, { max: slots.max, free: slots.free - inFlight }) > 0) inFlight += 1;
        expect(Math.abs(atOnce - inFlight)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('with 512 slots, 60 destinations that hang with all they may leave room for the next', () => {
    const slots = { max: 512, free: 512 };
    for (let hanging = 0; hanging < 60; hanging += 1) slots.free -= laneRoom({ share: 256, inFlight: 0 }, slots);
    expect(laneRoom({ share: 256, inFlight: 0 }, slots)).toBeGreaterThan(0);
    // And after five of them a healthy one still goes at several at once.
    const few = { max: 512, free: 512 };
    for (let hanging = 0; hanging < 5; hanging += 1) few.free -= laneRoom({ share: 256, inFlight: 0 }, few);
    expect(laneRoom({ share: 256, inFlight: 0 }, few)).toBeGreaterThan(10);
  });
});

describe('slots of one application', () => {
  const slotsOf = (max: number) => integer({ min: 0, max }).map((taken) => ({ max, free: max - taken }));
  const anySlots = integer({ min: 1, max: 2_000 }).chain(slotsOf);

  test('never more than what is free; where anything is free, one for an application that has none', () => {
    assert(
      property(anySlots, integer({ min: 0, max: 2_000 }), (slots, inFlight) => {
        const own = applicationSlots(inFlight, slots);
        expect(own.free).toBeGreaterThanOrEqual(0);
        expect(own.free).toBeLessThanOrEqual(slots.free);
        if (inFlight === 0 && slots.free > 0) expect(own.free).toBeGreaterThan(0);
      }),
    );
  });

  test('however many destinations of one hang, it leaves room, and another’s destinations find it', () => {
    assert(
      property(integer({ min: 16, max: 1_024 }), integer({ min: 1, max: 600 }), (max, destinations) => {
        const book = new LaneBook('a');
        const slots = { max, free: max };
        const fill = (application: string): number => {
          const before = slots.free;
          for (let n = 0; n < destinations; n += 1) {
            const lane = book.lane(laneOfUrl(application, `https://${n}.example`));
            const { room } = book.take(lane, 256, slots, new Date(0));
            book.begin(lane, room);
            slots.free -= room;
          }
          return before - slots.free;
        };
        expect(fill('A')).toBeLessThanOrEqual(Math.ceil(0.75 * max));
        expect(slots.free).toBeGreaterThanOrEqual(Math.floor(max / 8));
        expect(fill('B')).toBeGreaterThan(0);
        expect(fill('C')).toBeGreaterThan(0);
      }),
    );
  });

  test('what has ended is room again', () => {
    const book = new LaneBook('a');
    const slots = { max: 64, free: 64 };
    const lanes = Array.from({ length: 64 }, (_, n) => book.lane(laneOfUrl('A', `https://${n}.example`)));
    const begun = lanes.filter((lane) => {
      const { room } = book.take(lane, 1, slots, new Date(0));
      book.begin(lane, room);
      slots.free -= room;
      return room === 1;
    });
    const last = lanes.at(-1)!;
    expect(book.hasRoom(last, slots)).toBe(false);
    for (const lane of begun) book.end(lane, 1);
    expect(book.hasRoom(last, { max: 64, free: 64 })).toBe(true);
  });

  test('a destination that all share counts for itself', () => {
    expect(applicationOf('*/CRM')).toBe('*/CRM');
    expect(applicationOf('A/CRM')).toBe('A');
    expect(applicationOf('A/https://a.example')).toBe('A');
  });
});

describe('lanes in turn', () => {
  const lane = record({ application: constantFrom('A', 'B', 'C'), n: integer({ min: 0, max: 40 }) }).map(
    ({ application, n }) => `${application}/${n}`,
  );

  test('each comes once, and before an application comes again all others that have one have come', () => {
    assert(
      property(array(lane), (lanes) => {
        const ready = new ReadyLanes();
        for (const name of lanes) ready.add(name);
        const turns = [...ready.inTurn()];
        expect(turns.toSorted()).toEqual([...new Set(lanes)].toSorted());
        expect(ready.size).toBe(turns.length);
        for (const [at, name] of turns.entries()) {
          const round = turns.slice(0, at).filter((earlier) => applicationOf(earlier) === applicationOf(name)).length;
          for (const other of new Set(turns.map(applicationOf))) {
            const came = turns.slice(0, at).filter((earlier) => applicationOf(earlier) === other).length;
            const all = turns.filter((some) => applicationOf(some) === other).length;
            expect(came).toBeGreaterThanOrEqual(Math.min(all, round));
          }
        }
      }),
    );
  });

  test('who had a turn is last among its own, and its application among all', () => {
    const ready = new ReadyLanes();
    for (const name of ['A/1', 'A/2', 'A/3', 'B/1']) ready.add(name);
    ready.putLast('A/1');
    expect([...ready.inTurn()]).toEqual(['B/1', 'A/2', 'A/3', 'A/1']);
    ready.delete('B/1');
    ready.delete('B/1');
    expect(ready.has('B/1')).toBe(false);
    expect([ready.size, [...ready.inTurn()]]).toEqual([3, ['A/2', 'A/3', 'A/1']]);
    ready.putLast('B/1');
    expect(ready.size).toBe(3);
  });
});

describe('lanes', () => {
  test('a registered destination and a bare URL never share one, and none is too long for an index', () => {
    assert(
      property(domain(), integer({ min: 1, max: 65_535 }), (host, port) => {
        const url = `https://${host}:${port}/path?query=1`;
        const { origin } = new URL(url);
        const lane = laneOfUrl('A', url);
        if (origin.length <= 200) expect(lane).toBe(`A/${origin}`);
        expect(lane.length).toBeLessThan(300);
        expect(lane.slice(2)).toContain(':');
      }),
    );
    expect(laneOfUrl('A', `http://${'a'.repeat(300)}/`)).toMatch(/^A\/:[0-9a-f]{64}$/);
    expect(laneOfCallee({ appId: '*', calleeNo: 'b42652fe' })).toBe('*/b42652fe');
  });

  test('paths, cases and default ports of one host are one lane', () => {
    const urls = ['https://a.example/x', 'https://A.example:443/y?z=1', 'https://user:pass@a.example/'];
    expect(new Set(urls.map((url) => laneOfUrl('A', url)))).toEqual(new Set(['A/https://a.example']));
  });
});
