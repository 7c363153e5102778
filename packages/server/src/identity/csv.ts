import { refused } from './context.ts';

/** Names that a column may have, by the name we give it. */
type Columns = Readonly<Record<string, readonly string[]>>;

export interface CsvRow<Name extends string> {
  /** Of the file, from 1. */
  readonly line: number;
  readonly values: Readonly<Partial<Record<Name, string>>>;
}

/**
 * The rows of a CSV file with a heading, in UTF-8 or GB18030: which, the bytes say. Values are trimmed.
 *
 * @throws DomainError register_invalid with the line
 */
export async function readCsv<const Table extends Columns>(
  csv: Buffer,
  columns: Table,
  required: readonly (keyof Table & string)[],
): Promise<CsvRow<keyof Table & string>[]> {
  const [{ parse }, text] = await Promise.all([import('csv-parse/sync'), decoded(csv)]);
  let records: { info: { lines: number }; record: string[] }[];
  try {
    // With `info` the parser answers records of this shape, which its types do not say.
    records = parse(text, { bom: true, info: true, trim: true, skip_empty_lines: true }) as unknown as typeof records;
  } catch (error) {
    throw refused('register_invalid', { line: '?', reason: error instanceof Error ? error.message : 'not a CSV file' });
  }
  const [heading, ...rest] = records;
  const places = new Map<string, number>();
  for (const [name, words] of Object.entries(columns)) {
    const index = heading?.record.findIndex((cell) => words.includes(cell.trim().toLowerCase())) ?? -1;
    if (index >= 0) places.set(name, index);
  }
  const missing = required.filter((name) => !places.has(name));
  if (missing.length > 0) throw refused('register_invalid', { line: '1', reason: `no column ${missing.join(', ')}` });
  return rest.map(({ info, record }) => {
    const values: Partial<Record<keyof Table & string, string>> = {};
    for (const [name, index] of places) values[name as keyof Table & string] = record[index] ?? '';
    return { line: info.lines, values };
  });
}

async function decoded(bytes: Buffer): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const iconv = await import('iconv-lite');
    return iconv.default.decode(bytes, 'gb18030');
  }
}
