import { assert, constantFrom, date, integer, property } from 'fast-check';
import { expect, test } from 'vitest';
import { uuidLowerBound, uuidV7 } from '../platform/ids.ts';
import {
  dayOf,
  isOlderThan,
  missingPartitions,
  parsePartitionName,
  PARTITIONED,
  partitionName,
  type NewPartition,
  type Partition,
  type PartitionedTable,
} from './partitions.ts';

const tables = constantFrom(...(Object.keys(PARTITIONED) as PartitionedTable[]));
const moments = date({ min: new Date('2024-01-01'), max: new Date('2090-01-01'), noInvalidDate: true });
const DAY_MS = 86_400_000;

test('over any run of days, restarts and gaps, partitions touch without overlapping and cover today and the days ahead', () => {
  assert(
    property(tables, moments, integer({ min: 0, max: 12 }), integer({ min: 0, max: 30 }), (table, now, ahead, gap) => {
      const existing: NewPartition[] = [];
      for (const at of [now, new Date(now.getTime() + gap * DAY_MS), new Date(now.getTime() + (gap + 1) * DAY_MS)]) {
        const made = missingPartitions(table, existing, at, ahead);
        existing.push(...made);
        const bounds = existing.toSorted((one, other) => (one.from < other.from ? -1 : 1));
        for (const [index, { from }] of bounds.entries()) {
          if (index > 0) expect(from >= (bounds[index - 1]?.to ?? '')).toBe(true);
        }
        const covers = (moment: Date): boolean => {
          const bound = PARTITIONED[table] === 'at' ? moment.toISOString() : uuidV7(moment);
          return bounds.some(({ from, to }) => from <= bound && bound < to);
        };
        for (let days = 0; days <= ahead; days += 1) expect(covers(new Date(at.getTime() + days * DAY_MS))).toBe(true);
        expect(missingPartitions(table, existing, at, ahead)).toEqual([]);
      }
    }),
  );
});

test('where one partition holds everything before some day to come, the next begins with that day', () => {
  const now = new Date('2026-03-05T23:59:59.999Z');
  const first: Partition = { table: 'delivery', name: 'delivery_before_20260308', endsBefore: '2026-03-08' };
  const [next] = missingPartitions('delivery', [first], now, 7);
  expect(next).toMatchObject({ name: 'delivery_before_20260309', from: uuidLowerBound(new Date('2026-03-08')) });
  expect(missingPartitions('delivery', [first], now, 7).at(-1)?.endsBefore).toBe('2026-03-13');
});

test('names and days are each other’s', () => {
  assert(
    property(tables, moments, (table, at) => {
      const endsBefore = dayOf(at);
      const name = partitionName(table, endsBefore);
      expect(parsePartitionName(name)).toEqual({ table, name, endsBefore });
    }),
  );
  for (const other of ['delivery_default', 'delivery', 'delivery_queue', 'delivery_before_2026', 'x_before_20260101']) {
    expect(parsePartitionName(other)).toBeNull();
  }
});

test('a partition is older than so many days when its last moment is', () => {
  const now = new Date('2026-03-31T12:00:00Z');
  const ending = (endsBefore: string): Partition => ({ table: 'delivery', name: '', endsBefore });
  expect(isOlderThan(ending('2026-03-01'), 30, now)).toBe(true);
  expect(isOlderThan(ending('2026-03-02'), 30, now)).toBe(false);
});
