/** GB 32100-2015: digits and the capital letters without I, O, S, V and Z; a character's place is its value. */
const ALPHABET = '0123456789ABCDEFGHJKLMNPQRTUWXY';
const MODULUS = 31;
const LENGTH = 18;

/** The check character of the first 17 characters, or undefined where they are not 17 of the alphabet. */
export function socialCreditCheckCharacter(first17: string): string | undefined {
  if (first17.length !== LENGTH - 1) return undefined;
  let sum = 0;
  let weight = 1;
  for (const character of first17) {
    const value = ALPHABET.indexOf(character);
    if (value < 0) return undefined;
    sum += value * weight;
    weight = (weight * 3) % MODULUS;
  }
  return ALPHABET[(MODULUS - (sum % MODULUS)) % MODULUS];
}

/**
 * Whether `code` is a unified social credit code (GB 32100-2015, 18 characters, capital letters): alphabet, length
 * and check character. Whether it is registered is another question.
 *
 * @example isSocialCreditCode('91350100M000100Y43') // true, the sample of the standard
 */
export function isSocialCreditCode(code: string): boolean {
  return code.length === LENGTH && socialCreditCheckCharacter(code.slice(0, LENGTH - 1)) === code[LENGTH - 1];
}
