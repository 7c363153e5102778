import { isDict, PdfName, PdfRef, PdfStream, PdfString } from './values.ts';
import type { PdfDict, PdfValue } from './values.ts';

/**
 * A number as PDF writes it: no exponent (7.3.3). It is read back as the same number, since a page whose MediaBox a
 * revision rounds counts as edited, and LibreOffice writes twelve decimals.
 */
export function serializeNumber(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError('a PDF number is finite');
  if (Number.isSafeInteger(value)) return Object.is(value, -0) ? '0' : String(value);
  if (Math.abs(value) >= 2 ** 53) return BigInt(value).toString();
  const shortest = String(value);
  if (!shortest.includes('e')) return shortest;
  const text = value.toFixed(20).replace(/\.?0+$/, '');
  return text === '-0' ? '0' : text;
}

function serializeName(value: string): string {
  let text = '/';
  for (const byte of Buffer.from(value, 'latin1')) {
    const regular = byte > 0x20 && byte < 0x7f && !'()<>[]{}/%#'.includes(String.fromCharCode(byte));
    text += regular ? String.fromCharCode(byte) : `#${byte.toString(16).padStart(2, '0')}`;
  }
  return text;
}

function serializeDict(value: PdfDict): string {
  let text = '<<';
  for (const [key, entry] of value) text += `${serializeName(key)} ${serializeValue(entry)}\n`;
  return `${text}>>`;
}

/** Every value but a stream, which has bytes of its own. Strings are written in hexadecimal: nothing to escape. */
export function serializeValue(value: PdfValue): string {
  if (value === null) return 'null';
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return serializeNumber(value);
  if (value instanceof PdfName) return serializeName(value.name);
  if (value instanceof PdfRef) return `${value.objectNumber} ${value.generation} R`;
  if (value instanceof PdfString) return `<${value.bytes.toString('hex')}>`;
  if (Array.isArray(value)) return `[${value.map(serializeValue).join(' ')}]`;
  if (isDict(value)) return serializeDict(value);
  throw new TypeError('a stream can only stand as an indirect object');
}

/** What stands between `obj` and `endobj`. */
export function serializeBody(value: PdfValue): Buffer {
  if (!(value instanceof PdfStream)) return Buffer.from(serializeValue(value), 'latin1');
  const withLength: PdfDict = new Map([...value.dict, ['Length', value.encoded.length]]);
  return Buffer.concat([
    Buffer.from(`${serializeDict(withLength)}\nstream\n`, 'latin1'),
    value.encoded,
    Buffer.from('\nendstream', 'latin1'),
  ]);
}
