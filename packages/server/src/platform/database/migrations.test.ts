import { assert, integer, property, uniqueArray } from 'fast-check';
import { expect, test } from 'vitest';

import { pendingMigrations } from './migrations.ts';
import type { AppliedMigration, Migration } from './migrations.ts';

function migration(version: number): Migration {
  return { version, name: `${version}.sql`, sql: '', sha256: `sha of ${version}` };
}

const versions = uniqueArray(integer({ min: 1, max: 9_999 }), { maxLength: 20 }).map((list) =>
  list.toSorted((one, other) => one - other),
);

test('whatever beginning of the files is applied, the rest is pending, in order', () => {
  assert(
    property(versions, integer({ min: 0, max: 20 }), (list, count) => {
      const files = list.map(migration);
      expect(pendingMigrations(files, files.slice(0, count))).toEqual(files.slice(count));
    }),
  );
});

test('whatever applied file is missing, changed or overtaken, nothing is applied', () => {
  const files = [1, 2, 3].map(migration);
  const changed: AppliedMigration = { ...migration(2), sha256: 'of another text' };
  expect(() => pendingMigrations(files, [migration(1), changed])).toThrow(/migration_changed/);
  expect(() => pendingMigrations(files, [migration(1), migration(3)])).toThrow(/migration_out_of_order/);
  expect(() => pendingMigrations(files, [...files, migration(4)])).toThrow(/database_newer_than_code/);
  expect(() => pendingMigrations(files.slice(1), files)).toThrow(/migration_missing/);
});
