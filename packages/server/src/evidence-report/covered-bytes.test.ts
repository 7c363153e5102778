import { createHash, randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { coveredBytes } from './covered-bytes.ts';

const FILE = randomBytes(5_000);

test('what signatures cover is what each of them would have hashed by itself, however their ranges lie', async () => {
  const place = fc.integer({ min: 0, max: FILE.length });
  const range = fc
    .tuple(place, place, place)
    .map((places): { byteRange: readonly [number, number, number, number] } => {
      const [before, after, end] = places.toSorted((a, b) => a - b) as [number, number, number];
      return { byteRange: [0, before, after, end - after] };
    });
  await fc.assert(
    fc.asyncProperty(fc.array(range, { maxLength: 8 }), async (signatures) => {
      const expected = signatures.map(({ byteRange: [, before, after, behind] }) => ({
        sha256: createHash('sha256')
          .update(FILE.subarray(0, before))
          .update(FILE.subarray(after, after + behind))
          .digest('hex'),
        length: before + behind,
      }));
      expect(await coveredBytes(FILE, signatures)).toEqual(expected);
    }),
  );
});

test('a long file is hashed in turns, so that others have theirs', async () => {
  const long = Buffer.alloc(40 * 1024 * 1024);
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  await coveredBytes(long, [{ byteRange: [0, long.length - 10, long.length, 0] }]);
  isOver = true;
  expect(turns).toBeGreaterThan(5);
});
