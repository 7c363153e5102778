import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskAccount, maskIdNumber } from './mask.ts';

describe('masks', () => {
  it('show the ends of long numbers and nothing of short ones', () => {
    expect(maskAccount('1105011111111000018')).toBe('1105***********0018');
    expect(maskIdNumber('11010519491231002X')).toBe('110***********002X');
    expect(maskAccount('6222')).toBe('****');
    expect(maskAccount('')).toBe('');
  });

  it('keep the length and hide at least three characters, or everything', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^\d{0,34}$/), (number) => {
        const masked = maskAccount(number);
        expect(masked).toHaveLength(number.length);
        const hidden = masked.replaceAll(/\d/g, '').length;
        expect(hidden === number.length || hidden >= 3).toBe(true);
      }),
    );
  });
});
