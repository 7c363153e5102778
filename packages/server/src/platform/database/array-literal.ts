/**
 * Arrays as PostgreSQL reads them from text, for statements that take a batch of rows as one array for each column. The
 * driver looks at every element for what it might be; where a column's type is known, that is not needed.
 */

type Plain = string | number | null;

/** An array of numbers, uuids, timestamps or words: elements that never need quotes. */
export function plainArray(values: readonly Plain[]): string {
  return `{${values.map((value) => value ?? 'NULL').join(',')}}`;
}

/** An array of instants, in UTC with milliseconds. */
export function instantArray(values: readonly (Date | null)[]): string {
  return plainArray(values.map((value) => value?.toISOString() ?? null));
}

/** An array of any text. */
export function textArray(values: readonly (string | null)[]): string {
  return `{${values.map((value) => (value === null ? 'NULL' : quoted(value))).join(',')}}`;
}

const ESCAPED = /["\\]/;
/** Control characters, and halves of characters: JSON would write them in a way that PostgreSQL does not read. */
const NOT_AS_JSON = /[^ -\ud7ff\ue000-\uffff]/;

/** JSON and arrays escape quotes and backslashes alike, and the engine writes JSON several times as fast as it replaces. */
function quoted(text: string): string {
  if (!ESCAPED.test(text)) return `"${text}"`;
  if (!NOT_AS_JSON.test(text)) return JSON.stringify(text);
  return `"${text.replace(/["\\]/g, String.raw`\$&`)}"`;
}

/** An array of bytea. */
export function bytesArray(values: readonly (Uint8Array | null)[]): string {
  const hex = (value: Uint8Array): string => Buffer.from(value.buffer, value.byteOffset, value.length).toString('hex');
  return hexArray(values.map((value) => (value === null ? null : hex(value))));
}

/** An array of bytea, each given in hex. */
export function hexArray(values: readonly (string | null)[]): string {
  return `{${values.map((value) => (value === null ? 'NULL' : String.raw`"\\x${value}"`)).join(',')}}`;
}
