import { StatementError } from './statement.ts';

/** What stands in an XML text, in its order. `raw` is the source text. */
export interface XmlHandler {
  /** `name` without its prefix. An empty element is an open and a close. */
  open(name: string, attributes: string, raw: string): void;
  /** Character data, references undone. */
  text(text: string, raw: string): void;
  close(name: string, raw: string): void;
  /** Something that is no XML; what follows is read on. */
  malformed(raw: string): void;
}

/** A tag or comment at most. Character data comes in pieces of any length. */
const MARKUP_CHARACTERS_MAX = 64 * 1024;

const OPEN_TAG = /^<(?:[\w.-]{1,64}:)?([A-Za-z_][\w.-]{0,127})(\s[^]*?)?(\/?)>$/;
const CLOSE_TAG = /^<\/(?:[\w.-]{1,64}:)?([A-Za-z_][\w.-]{0,127})\s*>$/;

/**
 * Reads XML that comes in pieces, and keeps of it no more than one tag. It knows no document type: a file with one is
 * refused whole, so there are no entities to expand and nothing outside of the file is ever read. The five predefined
 * entities and numeric references are undone.
 *
 * A parser of our own because those at hand build the tree of the whole file in memory, and none goes on after a fault.
 */
export class XmlTokenizer {
  readonly #handler: XmlHandler;
  #rest = '';

  constructor(handler: XmlHandler) {
    this.#handler = handler;
  }

  /** @throws StatementError at a document type and at markup without end */
  push(text: string): void {
    const source = this.#rest + text;
    let at = 0;
    while (at < source.length) {
      const markup = source.indexOf('<', at);
      const end = markup === at ? this.#markup(source, at) : this.#characters(source, at, markup);
      if (end < 0) break;
      at = end;
    }
    this.#rest = source.slice(at);
    if (this.#rest.length > MARKUP_CHARACTERS_MAX) throw new StatementError('xml_markup_too_long');
  }

  /** @throws StatementError where the text ends inside of markup */
  end(): void {
    const rest = this.#rest;
    this.#rest = '';
    if (rest.startsWith('<')) throw new StatementError('file_ends_too_early');
    if (rest !== '') this.#handler.text(this.#decoded(rest), rest);
  }

  /** Handles character data up to `markup` (-1: not in sight) and answers where it ended; -1: more is needed. */
  #characters(source: string, from: number, markup: number): number {
    let end = markup < 0 ? source.length : markup;
    if (markup < 0) {
      // A reference may be cut by the end of the piece.
      const reference = source.lastIndexOf('&');
      if (reference >= from && source.length - reference <= REFERENCE_CHARACTERS_MAX) end = reference;
      if (end === from) return -1;
    }
    const raw = source.slice(from, end);
    this.#handler.text(this.#decoded(raw), raw);
    return end;
  }

  #decoded(raw: string): string {
    const decoded = decodeReferences(raw);
    if (decoded === undefined) this.#handler.malformed('');
    return decoded ?? raw;
  }

  /** Handles the markup at `from` and answers where it ends; -1: more is needed. */
  #markup(source: string, from: number): number {
    if (source.startsWith('<!--', from)) return endOf(source, '-->', from + 4);
    if (source.startsWith('<![CDATA[', from)) {
      const end = endOf(source, ']]>', from + 9);
      if (end > 0) this.#handler.text(source.slice(from + 9, end - 3), source.slice(from, end));
      return end;
    }
    if (source.startsWith('<?', from)) return endOf(source, '?>', from + 2);
    if (source.startsWith('<!', from)) {
      if ('<!--'.startsWith(source.slice(from)) || '<![CDATA['.startsWith(source.slice(from))) return -1;
      throw new StatementError('xml_document_type_refused');
    }
    const end = endOfTag(source, from);
    if (end < 0) return -1;
    this.#tag(source.slice(from, end));
    return end;
  }

  #tag(raw: string): void {
    const closing = raw.startsWith('</') ? CLOSE_TAG.exec(raw)?.[1] : undefined;
    if (closing !== undefined) return this.#handler.close(closing, raw);
    const [, name, attributes = '', empty] = OPEN_TAG.exec(raw) ?? [];
    if (name === undefined) return this.#handler.malformed(raw);
    this.#handler.open(name, attributes, raw);
    if (empty === '/') this.#handler.close(name, '');
  }
}

function endOf(source: string, mark: string, from: number): number {
  const at = source.indexOf(mark, from);
  return at < 0 ? -1 : at + mark.length;
}

const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const LESS = 0x3c;
const GREATER = 0x3e;

/** Where the tag at `from` ends. `>` may stand in a quoted value; `<` may not stand in a tag at all, so it ends one. */
function endOfTag(source: string, from: number): number {
  let quote = 0;
  for (let at = from + 1; at < source.length; at += 1) {
    const unit = source.charCodeAt(at);
    if (unit === LESS) return at;
    if (quote !== 0) {
      if (unit === quote) quote = 0;
    } else if (unit === GREATER) return at + 1;
    else if (unit === QUOTE || unit === APOSTROPHE) quote = unit;
  }
  return -1;
}

const REFERENCE_CHARACTERS_MAX = 12;
const REFERENCE = /&(?:#x([0-9a-fA-F]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));|&/g;
const PREDEFINED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** The text with its references undone, or undefined where one is unknown or names no character of XML. */
export function decodeReferences(text: string): string | undefined {
  if (!text.includes('&')) return text;
  let known = true;
  const decoded = text.replaceAll(REFERENCE, (_whole, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined) return PREDEFINED[name] ?? '';
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    if (isXmlCharacter(code)) return String.fromCodePoint(code);
    known = false;
    return '';
  });
  return known ? decoded : undefined;
}

/** XML 1.0, 2.2. NaN, of a lone ampersand, is none. */
function isXmlCharacter(code: number): boolean {
  if (code < 0x20) return code === 0x09 || code === 0x0a || code === 0x0d;
  return code <= 0xd7ff || (code >= 0xe000 && code <= 0xfffd) || (code >= 0x10000 && code <= 0x10ffff);
}

/** The value of an attribute, or undefined. */
export function attributeOf(attributes: string, name: string): string | undefined {
  const found = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`).exec(attributes);
  return found?.[1] ?? found?.[2];
}
