import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.ts';
import { bytesArray, instantArray, plainArray, textArray } from './array-literal.ts';

const database = await createTestDatabase();
afterAll(() => database.drop());

test('PostgreSQL reads back what was written', async () => {
  const storable = fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed() && !text.includes('\u0000'));
  const row = fc.record({
    text: fc.option(fc.oneof(storable, fc.constantFrom('', 'NULL', '"', '\\', '{}', 'a,b', ' 中文 '))),
    number: fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
    uuid: fc.uuid(),
    at: fc.option(fc.date({ min: new Date('1970-01-01'), max: new Date('2200-01-01'), noInvalidDate: true })),
    bytes: fc.option(fc.uint8Array({ maxLength: 40 })),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 20 }), async (rows) => {
      const read = await database.pool.query(
        'select * from unnest($1::text[], $2::integer[], $3::uuid[], $4::timestamptz[], $5::bytea[]) as t (text, number, uuid, at, bytes)',
        [
          textArray(rows.map((r) => r.text)),
          plainArray(rows.map((r) => r.number)),
          plainArray(rows.map((r) => r.uuid)),
          instantArray(rows.map((r) => r.at)),
          bytesArray(rows.map((r) => r.bytes)),
        ],
      );
      expect(read.rows).toEqual(rows.map((r) => ({ ...r, bytes: r.bytes === null ? null : Buffer.from(r.bytes) })));
    }),
    { numRuns: 200 },
  );
});
