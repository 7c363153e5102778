import { assert, domain, integer, property, string, uniqueArray } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { laneOfCallee, laneOfUrl, laneRoom, shareOfCap } from './lane.ts';

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
