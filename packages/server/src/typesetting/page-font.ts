import type { Font } from 'fontkit';
import { songFont } from '../platform/song-font.ts';

/** What laying out needs to know of the font. */
export interface PageFont {
  /** How far the pen moves on for one character, in ems. */
  advance(character: string): number;
  /** The width of a text in points. */
  measure(text: string, size: number): number;
  /** The characters of a text that cannot be shown, each once. */
  missing(text: string): string;
  /**
   * A text as it will stand on the page: white space and control characters become spaces, a few characters their
   * near relatives, and what the font cannot show its code point, such as [U+1F600]: nothing vanishes in silence.
   */
  showable(text: string): string;
}

/** Characters that the font has not, and the ones of the same meaning that it has. */
const RELATIVES: Readonly<Record<string, string>> = { '¥': '￥', '–': '-', '−': '-', '‑': '-' };

/** The font, loaded at its first use. */
export async function openPageFont(): Promise<PageFont> {
  return pageFontOf(await songFont());
}

function pageFontOf(font: Font): PageFont {
  const advances = new Map<string, number>();
  const has = (character: string): boolean => font.hasGlyphForCodePoint(character.codePointAt(0) ?? 0);

  const advance = (character: string): number => {
    const known = advances.get(character);
    if (known !== undefined) return known;
    const width = font.glyphForCodePoint(character.codePointAt(0) ?? 0).advanceWidth / font.unitsPerEm;
    advances.set(character, width);
    return width;
  };

  const shown = (character: string): string => {
    if (/[\p{White_Space}\p{Cc}\p{Cf}]/u.test(character)) return ' ';
    if (has(character)) return character;
    const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    return RELATIVES[character] ?? `[U+${code}]`;
  };

  return {
    advance,
    measure: (text, size) => size * Array.from(text).reduce((width, character) => width + advance(character), 0),
    missing: (text) =>
      [...new Set(Array.from(text))].filter((character) => !has(character) && !(character in RELATIVES)).join(''),
    showable: (text) => Array.from(text.toWellFormed(), shown).join(''),
  };
}
