import type { Appearance } from '../documents/index.ts';
import { chinaDate } from '../platform/clock.ts';
import type { Outlines } from './glyphs.ts';
import { glyphsOf, roundCommands, transformCommands } from './glyphs.ts';

/** The formats of signDateBean (contracts/etc-gateway.md). */
export const DATE_FORMATS = ['yyyy年MM月dd日', 'yyyy-MM-dd', 'yyyy/MM/dd'] as const;
export type DateFormat = (typeof DATE_FORMATS)[number];

const FONT_SIZE_DEFAULT = 12;
const BLACK = '#000000';
/** The foot of an ideograph's square below the baseline, in ems. */
const DESCENT_EM = 0.12;

/** The day of `at` in China, as `format` writes it. */
export function dateText(at: Date, format: DateFormat): string {
  const [year = '', month = '', day = ''] = chinaDate(at).split('-');
  return format.replace('yyyy', year).replace('MM', month).replace('dd', day);
}

/**
 * A line of black text, such as a signing date: `fontSize` points high, as wide as its characters are.
 *
 * @throws DomainError `seal_character_missing` with the characters that the font has not.
 */
export function textLine(text: string, outlines: Outlines, fontSize: number = FONT_SIZE_DEFAULT): Appearance {
  const y = DESCENT_EM * fontSize;
  let x = 0;
  const commands = glyphsOf(text, outlines).flatMap((glyph) => {
    const placed = transformCommands(glyph.commands, { a: fontSize, b: 0, c: 0, d: fontSize, e: x, f: y });
    x += glyph.advance * fontSize;
    return roundCommands(placed);
  });
  return { width: x, height: fontSize, paths: [{ fill: BLACK, commands }] };
}
