import { DamagedPdf, PDF_LIMITS, TooComplexPdf } from './budget.ts';
import type { ParseBudget } from './budget.ts';
import { PdfName, PdfRef, PdfString } from './values.ts';
import type { PdfDict, PdfValue } from './values.ts';

const REGULAR = 0;
const SPACE = 1;
const DELIMITER = 2;

/** Character classes of 7.2.2, by byte. */
const CLASSES = new Uint8Array(256);
for (const byte of [0, 9, 10, 12, 13, 32]) CLASSES[byte] = SPACE;
for (const character of '()<>[]{}/%') CLASSES[character.charCodeAt(0)] = DELIMITER;

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)$/;
const NAME_ESCAPE = /#([0-9A-Fa-f]{2})/g;
const STRING_ESCAPES: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, b: 8, f: 12 };

/** Reads PDF syntax (7.2, 7.3) from a place in a buffer. It knows no references' targets and no streams. */
export class PdfParser {
  readonly bytes: Buffer;
  readonly #budget: ParseBudget;
  position: number;
  /** Keys that a dictionary had already, so far. */
  doubleKeys = 0;
  /** Numbers so far, references among them. */
  numbers = 0;
  /** Which of them are whole and written with a point: `3.0`, which some readers take for no integer. */
  pointedIntegers: number[] = [];

  constructor(bytes: Buffer, position: number, budget: ParseBudget) {
    this.bytes = bytes;
    this.position = position;
    this.#budget = budget;
  }

  /** Runs `read` and charges what it read to the budget, once. */
  charged<T>(read: () => T): T {
    const start = this.position;
    try {
      return read();
    } finally {
      this.#budget.spendBytes(Math.max(0, this.position - start));
    }
  }

  skipSpace(): void {
    const { bytes } = this;
    while (this.position < bytes.length) {
      const byte = bytes[this.position] ?? 0;
      if (CLASSES[byte] === SPACE) this.position += 1;
      else if (byte === 0x25) this.#skipComment();
      else return;
    }
  }

  #skipComment(): void {
    while (this.position < this.bytes.length) {
      const byte = this.bytes[this.position];
      if (byte === 10 || byte === 13) return;
      this.position += 1;
    }
  }

  /** Takes the keyword if it stands here, after spaces. */
  takeKeyword(keyword: string): boolean {
    this.skipSpace();
    const end = this.position + keyword.length;
    if (this.bytes.toString('latin1', this.position, end) !== keyword) return false;
    if (end < this.bytes.length && CLASSES[this.bytes[end] ?? 0] === REGULAR) return false;
    this.position = end;
    return true;
  }

  /** A non-negative integer, or undefined with the position unmoved. */
  takeInteger(): number | undefined {
    const start = this.position;
    this.skipSpace();
    const word = this.#regularWord();
    if (/^\d{1,15}$/.test(word)) return Number(word);
    this.position = start;
    return undefined;
  }

  #regularWord(): string {
    const start = this.position;
    while (this.position < this.bytes.length && CLASSES[this.bytes[this.position] ?? 0] === REGULAR) {
      this.position += 1;
      if (this.position - start > 4096) throw new DamagedPdf('a word of more than 4096 bytes');
    }
    return this.bytes.toString('latin1', start, this.position);
  }

  parseValue(depth = 0): PdfValue {
    if (depth > PDF_LIMITS.nestingMax) throw new TooComplexPdf('nested too deep');
    this.#budget.spendValue();
    this.skipSpace();
    const byte = this.bytes[this.position];
    switch (byte) {
      case undefined:
        throw new DamagedPdf('the file ends inside a value');
      case 0x2f:
        return this.#parseName();
      case 0x28:
        return this.#parseLiteralString();
      case 0x5b:
        return this.#parseArray(depth);
      case 0x3c:
        return this.bytes[this.position + 1] === 0x3c ? this.parseDict(depth) : this.#parseHexString();
      default:
        return this.#parseWord();
    }
  }

  #parseWord(): PdfValue {
    const at = this.position;
    const word = this.#regularWord();
    if (word === 'true') return true;
    if (word === 'false') return false;
    if (word === 'null') return null;
    if (!NUMBER.test(word)) throw new DamagedPdf(`unexpected word at byte ${at}`);
    const number = Number(word);
    if (!Number.isFinite(number)) throw new DamagedPdf(`an endless number at byte ${at}`);
    if (word.includes('.') && Number.isInteger(number)) this.pointedIntegers.push(this.numbers);
    this.numbers += 1;
    return this.#referenceFrom(word) ?? number;
  }

  /** `12 0 R`, when the two further words stand there. */
  #referenceFrom(word: string): PdfRef | undefined {
    if (!/^\d{1,10}$/.test(word)) return undefined;
    const after = this.position;
    const generation = this.takeInteger();
    if (generation !== undefined && this.takeKeyword('R')) return new PdfRef(Number(word), generation);
    this.position = after;
    return undefined;
  }

  #parseName(): PdfName {
    this.position += 1;
    const word = this.#regularWord();
    if (!word.includes('#')) return new PdfName(word);
    return new PdfName(word.replace(NAME_ESCAPE, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))));
  }

  #parseArray(depth: number): PdfValue[] {
    this.position += 1;
    const items: PdfValue[] = [];
    for (;;) {
      this.skipSpace();
      if (this.bytes[this.position] === 0x5d) break;
      items.push(this.parseValue(depth + 1));
    }
    this.position += 1;
    return items;
  }

  parseDict(depth = 0): PdfDict {
    this.skipSpace();
    if (this.bytes.toString('latin1', this.position, this.position + 2) !== '<<')
      throw new DamagedPdf('no dictionary here');
    this.position += 2;
    const result: PdfDict = new Map();
    for (;;) {
      this.skipSpace();
      if (this.bytes.toString('latin1', this.position, this.position + 2) === '>>') break;
      if (this.bytes[this.position] !== 0x2f) throw new DamagedPdf(`no key at byte ${this.position}`);
      const key = this.#parseName().name;
      if (result.has(key)) this.doubleKeys += 1;
      result.set(key, this.parseValue(depth + 1));
    }
    this.position += 2;
    return result;
  }

  #parseHexString(): PdfString {
    const end = this.bytes.indexOf(0x3e, this.position);
    if (end === -1) throw new DamagedPdf('a string without an end');
    const digits = this.bytes.toString('latin1', this.position + 1, end).replace(/[\0\t\n\f\r ]+/g, '');
    if (!/^[0-9A-Fa-f]*$/.test(digits)) throw new DamagedPdf('not a hexadecimal string');
    this.position = end + 1;
    return new PdfString(Buffer.from(digits.length % 2 === 0 ? digits : `${digits}0`, 'hex'));
  }

  #parseLiteralString(): PdfString {
    // A string is never longer than what is written of it, so its bytes need no list that grows.
    const result = Buffer.alloc(this.#literalLength());
    let length = 0;
    let open = 1;
    this.position += 1;
    for (;;) {
      const byte = this.bytes[this.position];
      if (byte === undefined) throw new DamagedPdf('a string without an end');
      this.position += 1;
      if (byte === 0x5c) {
        const escaped = this.#parseEscape();
        if (escaped !== undefined) {
          result[length] = escaped;
          length += 1;
        }
        continue;
      }
      if (byte === 0x28) open += 1;
      if (byte === 0x29) open -= 1;
      if (open === 0) return new PdfString(result.subarray(0, length));
      result[length] = byte;
      length += 1;
    }
  }

  /** Bytes from the opening parenthesis here to the one that closes it. */
  #literalLength(): number {
    let open = 0;
    for (let at = this.position; at < this.bytes.length; at += 1) {
      const byte = this.bytes[at];
      if (byte === 0x5c) at += 1;
      else if (byte === 0x28) open += 1;
      else if (byte === 0x29) open -= 1;
      if (open === 0) return at - this.position;
    }
    throw new DamagedPdf('a string without an end');
  }

  /** What follows a backslash (table 3); undefined for a line break that continues the string. */
  #parseEscape(): number | undefined {
    const byte = this.bytes[this.position] ?? 0;
    this.position += 1;
    if (byte === 13 && this.bytes[this.position] === 10) this.position += 1;
    if (byte === 13 || byte === 10) return undefined;
    if (byte < 0x30 || byte > 0x37) return STRING_ESCAPES[String.fromCharCode(byte)] ?? byte;
    let value = byte - 0x30;
    for (let count = 1; count < 3; count += 1) {
      const next = this.bytes[this.position] ?? 0;
      if (next < 0x30 || next > 0x37) break;
      value = value * 8 + next - 0x30;
      this.position += 1;
    }
    return value & 0xff;
  }
}
