import { LineSplitter, type Line } from './lines.ts';
import { ENTRY_CHARACTERS_MAX } from './statement.ts';

export type CsvRecord =
  | { kind: 'record'; line: number; raw: string; fields: string[] }
  | { kind: 'fault'; line: number; reason: string };

/** Lines that one quoted field may go over. */
const RECORD_LINES_MAX = 50;

/**
 * Cuts CSV (RFC 4180) into records. A quoted field may hold line ends. A quote that is never closed spoils its own line
 * and no other: reading goes on with the next one, which is why this is no CSV library, where the rest of the file would
 * be one field.
 */
export class CsvRecords {
  readonly #splitter = new LineSplitter();
  #delimiter = ',';
  /** Lines of a record whose last field is still open. */
  #open: Line[] = [];

  /** Called when the header is found; the default is the comma. */
  useDelimiter(delimiter: string): void {
    this.#delimiter = delimiter;
  }

  /** Records that these pieces complete, one at a time, so that a delimiter found in one holds for the next. */
  *push(text: string): Generator<CsvRecord> {
    for (const line of this.#splitter.push(text)) yield* this.#line(line);
  }

  *end(): Generator<CsvRecord> {
    for (const line of this.#splitter.end()) yield* this.#line(line);
    while (this.#open.length > 0) yield* this.#giveUp('quote_not_closed');
  }

  *#line(line: Line): Generator<CsvRecord> {
    this.#open.push(line);
    const raw = this.#open.map(({ text }) => text).join('\n');
    const first = this.#open[0] ?? line;
    const tooLong = line.cut || raw.length > ENTRY_CHARACTERS_MAX;
    const fields = tooLong ? 'malformed' : splitRecord(raw, this.#delimiter);
    if (tooLong) yield* this.#giveUp('entry_too_long');
    else if (fields === 'malformed') yield* this.#giveUp('quote_misplaced');
    else if (fields !== 'open') {
      this.#open = [];
      yield { kind: 'record', line: first.number, raw, fields };
    } else if (this.#open.length >= RECORD_LINES_MAX) yield* this.#giveUp('quote_not_closed');
  }

  /** The first line is a fault; those after it are read again as if it were not there. */
  *#giveUp(reason: string): Generator<CsvRecord> {
    const [first, ...others] = this.#open;
    this.#open = [];
    if (first !== undefined) yield { kind: 'fault', line: first.number, reason };
    for (const line of others) yield* this.#line(line);
  }
}

/** The fields of a record; `open` where its last one goes on in the next line. A quote inside a plain field is itself. */
export function splitRecord(text: string, delimiter: string): string[] | 'open' | 'malformed' {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    if (text[at] === '"') {
      let value = '';
      let from = at + 1;
      for (;;) {
        const quote = text.indexOf('"', from);
        if (quote < 0) return 'open';
        value += text.slice(from, quote);
        from = quote + 1;
        if (text[from] !== '"') break;
        value += '"';
        from += 1;
      }
      // Some banks pad after the closing quote.
      while (text[from] === ' ') from += 1;
      if (from < text.length && text[from] !== delimiter) return 'malformed';
      fields.push(value);
      at = from;
    } else {
      const next = text.indexOf(delimiter, at);
      const end = next < 0 ? text.length : next;
      fields.push(text.slice(at, end));
      at = end;
    }
    if (at >= text.length) return fields;
    at += delimiter.length;
  }
}
