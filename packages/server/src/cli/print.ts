import type { CliContext } from './context.ts';

export type Row = Readonly<Record<string, unknown>>;

/** How wide a text stands in a terminal: ideographs and full-width forms take two columns. */
export function columns(text: string): number {
  let width = 0;
  for (const character of text)
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u.test(
        character,
      )
        ? 2
        : 1;
  return width;
}

function shown(value: unknown): string {
  if (value === null || value === undefined || value === '') return '–';
  if (Array.isArray(value)) return value.length === 0 ? '–' : value.map(shown).join(', ');
  if (typeof value !== 'string') return JSON.stringify(value);
  // A stranger's text must not move the cursor or ring the bell.
  return value.replaceAll(/\p{Cc}+/gu, ' ');
}

function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - columns(text)));
}

/** One thing: a line a field. Long texts such as keys stand whole below their name. */
export function printRecord(context: CliContext, record: Row): void {
  const width = Math.max(...Object.keys(record).map((key) => key.length));
  for (const [key, value] of Object.entries(record)) {
    const multiline = typeof value === 'string' && value.includes('\n');
    context.out(multiline ? `${key}\n${value.trimEnd()}` : `${padded(key, width)}  ${shown(value)}`);
  }
}

/** Several things: a table with the named columns, or `empty` where there are none. */
export function printTable(context: CliContext, rows: readonly Row[], keys: readonly string[], empty: string): void {
  if (rows.length === 0) {
    context.out(empty);
    return;
  }
  const cells = [keys, ...rows.map((row) => keys.map((key) => shown(row[key])))];
  const widths = keys.map((_, index) => Math.max(...cells.map((line) => columns(line[index] ?? ''))));
  for (const line of cells) {
    context.out(
      line
        .map((cell, index) => padded(cell, widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }
}

/** JSON where asked for, else what `print` writes. */
export function answer(context: CliContext, options: { json?: boolean }, result: Row, print: () => void): void {
  if (options.json === true) context.out(JSON.stringify(result, null, 2));
  else print();
}
