import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LinkedList, type Place } from './linked-list.ts';

const steps = fc.array(fc.oneof(fc.constant('append' as const), fc.nat(20)), { maxLength: 60 });

test('whatever is appended and removed, those that are left stand in the order in which they came', () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const list = new LinkedList<number>();
      const places: Place<number>[] = [];
      let expected: number[] = [];
      for (const step of taken) {
        if (step === 'append') {
          expected.push(places.length);
          places.push(list.append(places.length));
        } else {
          const place = places[step];
          if (place !== undefined) list.remove(place);
          expected = expected.filter((item) => item !== step);
        }
        expect([...list]).toEqual(expected);
        expect(list.isEmpty).toBe(expected.length === 0);
      }
    }),
  );
});

test('a place that was left points nowhere, so that what is old holds nothing that is young', () => {
  const list = new LinkedList<string>();
  const [first, second] = [list.append('first'), list.append('second')];
  list.remove(first);
  expect(Object.values(first)).not.toContain(second);
  list.append('third');
  expect(first).toEqual({ item: 'first', before: null, after: null });
});
