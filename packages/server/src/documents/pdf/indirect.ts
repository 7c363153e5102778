import { DamagedPdf } from './budget.ts';
import type { ParseBudget } from './budget.ts';
import type { PdfParser } from './parser.ts';
import { PdfStream } from './values.ts';
import type { PdfDict, PdfValue } from './values.ts';

/**
 * The stream whose dictionary was just read, or undefined when no `stream` keyword follows (7.3.8). A /Length that does
 * not lead to `endstream` is common in the field; then the next `endstream` ends the stream, as readers have it.
 */
export function readStreamAfter(
  parser: PdfParser,
  dictionary: PdfDict,
  resolve: (value: PdfValue | undefined) => PdfValue | undefined,
  budget: ParseBudget,
): PdfStream | undefined {
  const before = parser.position;
  const isStream = parser.takeKeyword('stream');
  // Spaces and comments that are looked beyond cost time too: a thousand objects can share forty megabytes of them.
  budget.spendBytes(parser.position - before);
  if (!isStream) {
    parser.position = before;
    return undefined;
  }
  const { bytes } = parser;
  if (bytes[parser.position] === 13) parser.position += 1;
  if (bytes[parser.position] === 10) parser.position += 1;
  const start = parser.position;
  const length = resolve(dictionary.get('Length'));
  if (typeof length === 'number' && Number.isSafeInteger(length) && length >= 0 && start + length <= bytes.length) {
    parser.position = start + length;
    parser.skipSpace();
    budget.spendBytes(parser.position - start - length);
    if (bytes.toString('latin1', parser.position, parser.position + 9) === 'endstream') {
      parser.position = before;
      return new PdfStream(dictionary, bytes.subarray(start, start + length));
    }
  }
  budget.spendScan();
  const end = bytes.indexOf('endstream', start);
  if (end === -1) throw new DamagedPdf('a stream without an end');
  parser.position = before;
  return new PdfStream(dictionary, bytes.subarray(start, end));
}
