/** GB 11643-1999: weights of the first 17 digits, and the check characters by remainder of 11. */
const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECK_CHARACTERS = '10X98765432';

export type ResidentIdFault = 'format' | 'check_digit';

/**
 * What is wrong with a resident identity number: its form or its date of birth (`format`), or its check character.
 * Whether somebody bears it is another question.
 *
 * @example residentIdFault('11010519491231002X') // undefined, the sample of the standard
 */
export function residentIdFault(id: string): ResidentIdFault | undefined {
  const [, year = '', month = '', day = ''] = /^[1-9]\d{5}(\d{4})(\d{2})(\d{2})\d{3}[\dX]$/.exec(id) ?? [];
  const born = new Date(`${year}-${month}-${day}T00:00:00Z`);
  // A date that rolls over, such as 30 February, does not come out as it went in.
  if (Number.isNaN(born.getTime()) || born.toISOString().slice(0, 10) !== `${year}-${month}-${day}`) return 'format';
  if (Number(year) < 1850) return 'format';
  const sum = WEIGHTS.reduce((total, weight, index) => total + weight * Number(id[index]), 0);
  return CHECK_CHARACTERS[sum % 11] === id[17] ? undefined : 'check_digit';
}
