/**
 * A number with its middle hidden, `first` and `last` characters at its ends. A number too short to keep anything
 * secret that way is hidden whole.
 */
function mask(text: string, first: number, last: number): string {
  if (text.length <= first + last + 2) return '*'.repeat(text.length);
  return `${text.slice(0, first)}${'*'.repeat(text.length - first - last)}${text.slice(-last)}`;
}

/** @example maskAccount('1105011111111000018') // '1105***********0018' */
export function maskAccount(accountNo: string): string {
  return mask(accountNo, 4, 4);
}

/** @example maskIdNumber('11010519491231002X') // '110***********002X' */
export function maskIdNumber(idNumber: string): string {
  return mask(idNumber, 3, 4);
}
