import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { residentIdFault } from './resident-id.ts';

/** GB 11643-1999 as ISO 7064 MOD 11-2, written in another way than the service's. */
function withCheck(first17: string): string {
  let product = 0;
  for (const digit of first17) product = ((product + Number(digit)) * 2) % 11;
  const check = (12 - product) % 11;
  return `${first17}${check === 10 ? 'X' : check}`;
}

const first17 = fc
  .record({
    region: fc.integer({ min: 110000, max: 659999 }),
    born: fc.date({ min: new Date('1900-01-01'), max: new Date('2025-12-31'), noInvalidDate: true }),
    sequence: fc.integer({ min: 0, max: 999 }),
  })
  .map(
    ({ region, born, sequence }) =>
      `${region}${born.toISOString().slice(0, 10).replaceAll('-', '')}${String(sequence).padStart(3, '0')}`,
  );

describe('resident identity numbers', () => {
  it("holds the standard's sample", () => {
    expect(residentIdFault('11010519491231002X')).toBeUndefined();
    expect(residentIdFault('440524188001010014')).toBeUndefined();
  });

  it('holds every number with the right check character and no other', () => {
    fc.assert(
      fc.property(first17, (start) => {
        const right = withCheck(start);
        expect(residentIdFault(right)).toBeUndefined();
        for (const check of '0123456789X') {
          if (check !== right[17]) expect(residentIdFault(start + check)).toBe('check_digit');
        }
      }),
    );
  });

  it.each([
    '',
    '11010519491231002',
    '11010519491231002x',
    '1101051949123100２X',
    '11010519490230002X',
    '01010519491231002X',
  ])('refuses %j by its form', (id) => expect(residentIdFault(id)).toBe('format'));
});
