import { assert, property, string } from 'fast-check';
import { expect, test } from 'vitest';

import { parsePidFile } from './postmaster.ts';

test.each(['starting', 'stopping', 'ready'])('a server that says %s', (status) => {
  const text = `4711\n/var/lib/x\n1700000000\n5432\n/run/x\n\n  123456  78\n${status.padEnd(8)}\n`;
  expect(parsePidFile(text)).toEqual({ pid: 4711, status });
});

test('a file that is still being written has an id and no status yet', () => {
  expect(parsePidFile('4711\n/var/lib/x\n')).toEqual({ pid: 4711, status: 'unknown' });
  expect(parsePidFile('')).toBeUndefined();
});

test('a standalone backend has its id with a minus', () => {
  expect(parsePidFile('-4711\n/var/lib/x\n')?.pid).toBe(4711);
});

test('whatever the file holds, an id is a positive whole number', () => {
  assert(
    property(string(), (text) => {
      const pid = parsePidFile(text)?.pid;
      return pid === undefined || (Number.isSafeInteger(pid) && pid > 0);
    }),
  );
});
