/**
 * Whether 15 digits are a registration number of the administration for industry and commerce: the last digit checks
 * the others by ISO 7064 MOD 11,10 (GB/T 17710). Small traders still have such numbers.
 */
export function isRegistrationNumber(code: string): boolean {
  if (!/^\d{15}$/.test(code)) return false;
  let product = 10;
  for (const digit of code.slice(0, 14)) {
    const sum = (product + Number(digit)) % 10;
    product = ((sum === 0 ? 10 : sum) * 2) % 11;
  }
  return (product + Number(code[14])) % 10 === 1;
}
