const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
const FRACTION_DIGITS_MAX = 3;
/** Written out, no number of a request may grow longer than this: `1e999999` would be a megabyte. */
const DIGITS_MAX = 400;

/**
 * How the older dialect's reference client writes a JSON number into the signed text: no exponent, no grouping, at
 * most 3 decimals (contracts/etc-gateway.md), half to even as Java's NumberFormat rounds, trailing zeros dropped.
 * Worked out on the digits, so nothing is lost to binary fractions. A number too long to write out stays as it is.
 *
 * @param source the number as it stands in the JSON text
 * @example referenceNumber('1.10') // '1.1'
 * @example referenceNumber('0.0005') // '0'
 */
export function referenceNumber(source: string): string {
  const match = NUMBER.exec(source);
  if (match === null) return source;
  const [, sign = '', whole = '', fraction = '', exponentText = '0'] = match;
  const exponent = Number(exponentText);
  if (Math.abs(exponent) > DIGITS_MAX || source.length > DIGITS_MAX) return source;

  // The digits with the decimal point after the first `point` of them.
  const digits = whole + fraction;
  const point = whole.length + exponent;
  const padded = digits.padStart(digits.length + Math.max(0, 1 - point), '0').padEnd(Math.max(point, 1), '0');
  const at = Math.max(point, 1);
  const kept = roundHalfEven(padded.slice(0, at), padded.slice(at));
  return sign + kept;
}

/** Rounds `whole.fraction` to the decimals allowed and drops zeros that say nothing. */
function roundHalfEven(whole: string, fraction: string): string {
  const digits = whole + fraction.slice(0, FRACTION_DIGITS_MAX).padEnd(FRACTION_DIGITS_MAX, '0');
  const rest = fraction.slice(FRACTION_DIGITS_MAX).replace(/0+$/, '');
  let scaled = BigInt(digits);
  const half = rest === '5';
  if (rest !== '' && (half ? scaled % 2n === 1n : rest >= '5')) scaled += 1n;
  const text = scaled.toString().padStart(FRACTION_DIGITS_MAX + 1, '0');
  const decimals = text.slice(-FRACTION_DIGITS_MAX).replace(/0+$/, '');
  const integer = text.slice(0, -FRACTION_DIGITS_MAX);
  return decimals === '' ? integer : `${integer}.${decimals}`;
}
