/**
 * JSON as it was written. `JSON.parse` loses what a relay and a signature check must keep: `9007199254740993`, `1.10`
 * and `1e2` change their digits, duplicate keys vanish. This scanner checks the grammar (RFC 8259) and hands out the
 * members of an object with the untouched source text of each value.
 *
 * It never recurses, so a megabyte of `[` costs a comparison with `depthMax` and not the stack.
 */

export type JsonKind = 'string' | 'number' | 'boolean' | 'null' | 'object' | 'array';

export type JsonTextErrorCode =
  | 'too_large'
  | 'invalid_utf8'
  | 'invalid_json'
  | 'too_deep'
  | 'not_an_object'
  | 'too_many_members'
  | 'duplicate_key';

/** Why a text was not accepted. `offset` counts UTF-16 units from the start of the text; it is -1 where none applies. */
export class JsonTextError extends Error {
  override readonly name = 'JsonTextError';
  readonly code: JsonTextErrorCode;
  readonly offset: number;
  /** The key that stands twice, for `duplicate_key`. */
  readonly key: string | null;

  constructor(code: JsonTextErrorCode, offset = -1, key: string | null = null) {
    super(offset < 0 ? code : `${code} at ${offset}`);
    this.code = code;
    this.offset = offset;
    this.key = key;
  }
}

/** One `"key": value` of an object, in the order of the text. Duplicate keys are members of their own. */
export interface JsonMember {
  /** The key with its escapes undone. */
  readonly key: string;
  readonly kind: JsonKind;
  /** The value exactly as written, without the white space around it. */
  readonly source: string;
  /** The value as `JSON.parse` reads it; parsed when first asked for. */
  readonly value: unknown;
}

export interface JsonLimits {
  /** The outermost object is depth 1. */
  depthMax: number;
  bytesMax: number;
  /** Of the outermost object: members cost several times what the same text costs inside of a value. */
  membersMax?: number;
  /** What a key that stands twice in the outermost object means; `keep` (the default) leaves both as members. */
  duplicateKeys?: 'keep' | 'refuse';
}

export interface JsonObjectText {
  /** The whole text, decoded. */
  readonly source: string;
  readonly members: readonly JsonMember[];
}

/**
 * Reads bytes that must be one JSON object in UTF-8 (a leading byte order mark is skipped).
 *
 * @throws JsonTextError with every code of `JsonTextErrorCode`
 * @example parseJsonObject(Buffer.from('{"n": 1.10}'), { depthMax: 64, bytesMax: 1_048_576 }).members[0].source // '1.10'
 */
export function parseJsonObject(bytes: Uint8Array, limits: JsonLimits): JsonObjectText {
  return parseJsonObjectText(decoded(bytes, limits.bytesMax), limits);
}

/**
 * Reads bytes that must be one JSON array in UTF-8 and hands out the source text of each element, without the white space
 * around it. `elementsMax` counts as `too_many_members`; anything but an array is `invalid_json`.
 *
 * @throws JsonTextError `too_large`, `invalid_utf8`, `invalid_json`, `too_deep`, `too_many_members`
 * @example parseJsonArray(Buffer.from('[1.10, {"a": 1e2}]'), limits) // ['1.10', '{"a": 1e2}']
 */
export function parseJsonArray(
  bytes: Uint8Array,
  limits: { readonly depthMax: number; readonly bytesMax: number; readonly elementsMax: number },
): string[] {
  const source = decoded(bytes, limits.bytesMax);
  const elements: string[] = [];
  let at = skipSpace(source, 0);
  if (source.charCodeAt(at) !== OPEN_BRACKET) throw new JsonTextError('invalid_json', at);
  at = skipSpace(source, at + 1);
  if (source.charCodeAt(at) === CLOSE_BRACKET) {
    expectEnd(source, at + 1);
    return elements;
  }
  for (;;) {
    if (elements.length === limits.elementsMax) throw new JsonTextError('too_many_members', at);
    const end = endOfValue(source, at, 1, limits.depthMax);
    elements.push(source.slice(at, end));
    at = skipSpace(source, end);
    const next = source.charCodeAt(at);
    if (next === CLOSE_BRACKET) break;
    if (next !== COMMA) throw new JsonTextError('invalid_json', at);
    at = skipSpace(source, at + 1);
  }
  expectEnd(source, at + 1);
  return elements;
}

function decoded(bytes: Uint8Array, bytesMax: number): string {
  if (bytes.byteLength > bytesMax) throw new JsonTextError('too_large');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new JsonTextError('invalid_utf8');
  }
}

/** The same for text that is decoded already, such as the `source` of a member whose kind is `object`. */
export function parseJsonObjectText(source: string, limits: Omit<JsonLimits, 'bytesMax'>): JsonObjectText {
  const start = skipSpace(source, 0);
  if (source.charCodeAt(start) !== OPEN_BRACE) {
    // A text that is no JSON at all is told apart from JSON of another kind.
    expectEnd(source, endOfValue(source, start, 0, limits.depthMax));
    throw new JsonTextError('not_an_object', start);
  }
  if (limits.depthMax < 1) throw new JsonTextError('too_deep', start);
  const { membersMax = Infinity } = limits;
  const members: JsonMember[] = [];
  const seen = new Set<string>();
  let at = skipSpace(source, start + 1);
  if (source.charCodeAt(at) === CLOSE_BRACE) {
    expectEnd(source, at + 1);
    return { source, members };
  }
  for (;;) {
    if (members.length === membersMax) throw new JsonTextError('too_many_members', at);
    const keyEnd = endOfString(source, at);
    const key = unquote(source.slice(at, keyEnd));
    if (limits.duplicateKeys === 'refuse' && seen.has(key)) throw new JsonTextError('duplicate_key', at, key);
    seen.add(key);
    const valueStart = afterColon(source, keyEnd);
    const valueEnd = endOfValue(source, valueStart, 1, limits.depthMax);
    members.push(new Member(key, kindAt(source, valueStart), source.slice(valueStart, valueEnd)));
    at = skipSpace(source, valueEnd);
    const next = source.charCodeAt(at);
    if (next === CLOSE_BRACE) break;
    if (next !== COMMA) throw new JsonTextError('invalid_json', at);
    at = skipSpace(source, at + 1);
  }
  expectEnd(source, at + 1);
  return { source, members };
}

/**
 * Takes away the white space between tokens and nothing else: what stands inside strings, the digits of numbers, the
 * order of keys and keys that stand twice remain. `source` must be valid JSON, as a member's `source` is.
 */
export function compactJsonText(source: string): string {
  let compact = '';
  let kept = 0;
  let at = 0;
  while (at < source.length) {
    const unit = source.charCodeAt(at);
    if (unit === QUOTE) {
      at = endOfString(source, at);
    } else if (isSpace(unit)) {
      compact += source.slice(kept, at);
      at = skipSpace(source, at);
      kept = at;
    } else {
      at += 1;
    }
  }
  return kept === 0 ? source : compact + source.slice(kept);
}

const QUOTED_KEY_CHARACTERS_MAX = 64;

/**
 * A key as it may stand in an answer or in the log: a stranger wrote it, and it may be a megabyte long, hold line ends
 * or half a surrogate pair.
 */
export function quotableKey(key: string): string {
  const characters = Array.from(key.slice(0, 2 * QUOTED_KEY_CHARACTERS_MAX + 2));
  const cut = characters.slice(0, QUOTED_KEY_CHARACTERS_MAX).join('');
  const shown = cut.toWellFormed().replaceAll(/\p{Cc}/gu, '\ufffd');
  return characters.length > QUOTED_KEY_CHARACTERS_MAX ? `${shown}…` : shown;
}

class Member implements JsonMember {
  readonly key: string;
  readonly kind: JsonKind;
  readonly source: string;
  #parsed: { value: unknown } | null = null;

  constructor(key: string, kind: JsonKind, source: string) {
    this.key = key;
    this.kind = kind;
    this.source = source;
  }

  get value(): unknown {
    this.#parsed ??= { value: JSON.parse(this.source) as unknown };
    return this.#parsed.value;
  }
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

// Sticky expressions without alternation under repetition: they run in one pass and need no backtracking stack.
// The range of control characters that a string must escape is spelled by its complement.
const PLAIN_CHARACTERS = /[ !#-[\]-\uffff]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const LITERAL = /true|false|null/y;

function isSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

/** Where a sticky expression that must match at `at` ends. */
function endOfMatch(expression: RegExp, text: string, at: number): number {
  expression.lastIndex = at;
  if (!expression.test(text)) throw new JsonTextError('invalid_json', at);
  return expression.lastIndex;
}

function endOfString(text: string, start: number): number {
  if (text.charCodeAt(start) !== QUOTE) throw new JsonTextError('invalid_json', start);
  let at = start + 1;
  for (;;) {
    at = endOfMatch(PLAIN_CHARACTERS, text, at);
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) return at + 1;
    if (unit !== BACKSLASH) throw new JsonTextError('invalid_json', at);
    at = endOfMatch(ESCAPE, text, at);
  }
}

function unquote(quoted: string): string {
  return quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
}

/** From the end of a key to the first character of its value. */
function afterColon(text: string, keyEnd: number): number {
  const colon = skipSpace(text, keyEnd);
  if (text.charCodeAt(colon) !== COLON) throw new JsonTextError('invalid_json', colon);
  return skipSpace(text, colon + 1);
}

function isDigitOrMinus(unit: number): boolean {
  return unit === MINUS || (unit >= 0x30 && unit <= 0x39);
}

function kindAt(text: string, start: number): JsonKind {
  const unit = text.charCodeAt(start);
  if (unit === QUOTE) return 'string';
  if (unit === OPEN_BRACE) return 'object';
  if (unit === OPEN_BRACKET) return 'array';
  if (isDigitOrMinus(unit)) return 'number';
  return unit === 0x6e ? 'null' : 'boolean';
}

function endOfScalar(text: string, start: number): number {
  const unit = text.charCodeAt(start);
  if (unit === QUOTE) return endOfString(text, start);
  return endOfMatch(isDigitOrMinus(unit) ? NUMBER : LITERAL, text, start);
}

/** Where the value that begins at `start` ends. `depth` containers are open around it already. */
function endOfValue(text: string, start: number, depth: number, depthMax: number): number {
  const closers: number[] = [];
  let at = start;
  for (;;) {
    const unit = text.charCodeAt(at);
    if (unit === OPEN_BRACE || unit === OPEN_BRACKET) {
      if (depth + closers.length >= depthMax) throw new JsonTextError('too_deep', at);
      const closer = unit === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET;
      at = skipSpace(text, at + 1);
      if (text.charCodeAt(at) !== closer) {
        closers.push(closer);
        if (closer === CLOSE_BRACE) at = afterColon(text, endOfString(text, at));
        continue;
      }
      at += 1;
    } else {
      at = endOfScalar(text, at);
    }
    // A value has ended: close what ends with it, then go on after a comma.
    for (;;) {
      const closer = closers.at(-1);
      if (closer === undefined) return at;
      at = skipSpace(text, at);
      const next = text.charCodeAt(at);
      if (next === COMMA) {
        at = skipSpace(text, at + 1);
        if (closer === CLOSE_BRACE) at = afterColon(text, endOfString(text, at));
        break;
      }
      if (next !== closer) throw new JsonTextError('invalid_json', at);
      closers.pop();
      at += 1;
    }
  }
}

function expectEnd(text: string, at: number): void {
  const end = skipSpace(text, at);
  if (end !== text.length) throw new JsonTextError('invalid_json', end);
}
