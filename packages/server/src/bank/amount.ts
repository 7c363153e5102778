/**
 * Amounts of money as banks write them, to whole fen, exactly: the text's digits are counted, no number with a fraction
 * is ever made.
 */

/**
 * How an amount is written. `decimal`: ISO 20022 and JSON, `1234.56` (xs:decimal without sign or exponent). `swift`: MT940,
 * `1234,56` with the comma always there. `table`: CSV, an optional sign and currency mark, thousands in groups of three.
 */
export type AmountStyle = 'decimal' | 'swift' | 'table';

export type AmountReading = { fen: number; negative: boolean } | { fault: string };

/** Fen as yuan with two places, `0.01`. */
export function yuanText(fen: number): string {
  const digits = String(fen).padStart(3, '0');
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

const FORMS: Readonly<Record<AmountStyle, RegExp>> = {
  decimal: /^(?<sign>)(?<whole>\d{1,18})(?:\.(?<part>\d{0,18}))?$/,
  swift: /^(?<sign>)(?<whole>\d{1,15}),(?<part>\d{0,15})$/,
  table: /^(?<sign>[+-]?)[¥￥]?(?<whole>\d{1,18}|\d{1,3}(?:,\d{3}){1,6})(?:\.(?<part>\d{1,18}))?$/,
};
const AMOUNT_CHARACTERS_MAX = 40;

/**
 * Reads an amount. Digits beyond the fen must be zero: 0.010 is one fen, 0.011 is a fault, and so are an exponent, a
 * comma where a point belongs, and what is beyond 2^53 fen.
 *
 * @example parseAmount('1,234.50', 'table') // { fen: 123450, negative: false }
 */
export function parseAmount(text: string, style: AmountStyle): AmountReading {
  // Full-width digits and points stand in tables that people made; the wire formats know none.
  const written = style === 'table' ? text.normalize('NFKC').replaceAll(/[\s]/g, '') : text.trim();
  if (written === '') return { fault: 'amount_missing' };
  const found = written.length <= AMOUNT_CHARACTERS_MAX ? FORMS[style].exec(written)?.groups : undefined;
  if (found === undefined) return { fault: 'amount_not_understood' };
  const part = found['part'] ?? '';
  if (/[^0]/.test(part.slice(2))) return { fault: 'amount_not_whole_fen' };
  const digits = `${(found['whole'] ?? '').replaceAll(',', '')}${part.slice(0, 2).padEnd(2, '0')}`;
  const fen = BigInt(digits);
  if (fen > BigInt(Number.MAX_SAFE_INTEGER)) return { fault: 'amount_too_large' };
  return { fen: Number(fen), negative: found['sign'] === '-' && fen > 0n };
}
