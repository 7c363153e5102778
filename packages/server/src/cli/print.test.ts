import { expect, test } from 'vitest';
import type { CliContext } from './context.ts';
import { columns, printRecord, printTable } from './print.ts';

function terminal(): CliContext & { lines: string[] } {
  const lines: string[] = [];
  return { environment: {}, cwd: '/', lines, out: (text) => lines.push(text), err: (text) => lines.push(text) };
}

test('an ideograph takes two columns of a terminal', () => {
  expect([columns('abc'), columns('印信'), columns('（有限）'), columns('')]).toEqual([3, 4, 8, 0]);
});

test('a table lines up under Chinese and Latin text alike', () => {
  const context = terminal();
  printTable(
    context,
    [
      { a: '印信', b: 1 },
      { a: 'x', b: null },
    ],
    ['a', 'b'],
    'none',
  );
  expect(context.lines).toEqual(['a     b', '印信  1', 'x     –']);
});

test('an empty table says so', () => {
  const context = terminal();
  printTable(context, [], ['a'], 'no applications yet');
  expect(context.lines).toEqual(['no applications yet']);
});

test("a stranger's text cannot move the terminal's cursor", () => {
  const context = terminal();
  printRecord(context, { name: 'a\u001b[2Jb', list: ['x', 'y'], nothing: [] });
  expect(context.lines).toEqual(['name     a [2Jb', 'list     x, y', 'nothing  –']);
});
