import { PdfRef } from '../documents/index.ts';

const BYTES_MAX = 1024 * 1024;
export const OBJECT_NUMBER_MAX = 8_388_607;
/** As lenient readers have it: `4 0R`, `4+0 R`. */
const REFERENCE = /(\d{1,20})(?:[\0\t\n\f\r ]+[+-]?|[+-])\d{1,20}[\0\t\n\f\r ]*R/g;

/**
 * What an object that cannot be read refers to, as far as its bytes say so: readers that are less strict may read it, and
 * show what it leads to.
 */
export function mentionedIn(bytes: Buffer): PdfRef[] {
  const text = bytes.toString('latin1', 0, BYTES_MAX);
  const numbers = new Set<number>();
  for (const each of [text, withoutStringsAndComments(text)]) {
    for (const [, digits = ''] of each.matchAll(REFERENCE)) {
      // Some readers keep the lowest 32 bits of a number.
      const number = Number(BigInt(digits) & 0xff_ff_ff_ffn);
      if (number <= OBJECT_NUMBER_MAX) numbers.add(number);
    }
  }
  return [...numbers].map((number) => new PdfRef(number));
}

function withoutStringsAndComments(text: string): string {
  let result = '';
  let from = 0;
  for (let at = 0; at < text.length;) {
    const end = endOfSkipped(text, at);
    if (end === undefined) at += 1;
    else {
      result += `${text.slice(from, at)} `;
      from = end;
      at = end;
    }
  }
  return result + text.slice(from);
}

/** Behind the string or comment that begins here; undefined where none does. */
function endOfSkipped(text: string, at: number): number | undefined {
  const character = text[at];
  if (character === '%') {
    let end = at;
    while (end < text.length && text[end] !== '\r' && text[end] !== '\n') end += 1;
    return end;
  }
  if (character === '(') return endOfLiteral(text, at);
  if (character !== '<' || text[at + 1] === '<' || text[at - 1] === '<') return undefined;
  const end = text.indexOf('>', at);
  return end === -1 ? text.length : end + 1;
}

function endOfLiteral(text: string, from: number): number {
  let open = 0;
  for (let at = from; at < text.length; at += 1) {
    const character = text[at];
    if (character === '\\') at += 1;
    else if (character === '(') open += 1;
    else if (character === ')') open -= 1;
    if (open === 0) return at + 1;
  }
  return text.length;
}
