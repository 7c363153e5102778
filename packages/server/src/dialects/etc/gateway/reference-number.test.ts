import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { referenceNumber } from './reference-number.ts';

describe('referenceNumber', () => {
  test.each([
    ['0', '0'],
    ['7', '7'],
    ['-7', '-7'],
    ['1.0', '1'],
    ['1.10', '1.1'],
    ['0.125', '0.125'],
    ['1234567.5', '1234567.5'],
    ['1e2', '100'],
    ['1.5E+3', '1500'],
    ['12e-1', '1.2'],
    ['1e-3', '0.001'],
    ['1e-4', '0'],
    ['-0.0001', '-0'],
    ['0.0005', '0'],
    ['0.0015', '0.002'],
    ['0.0025', '0.002'],
    ['0.00251', '0.003'],
    ['2.9995', '3'],
    ['9.9996', '10'],
    ['9007199254740993', '9007199254740993'],
    ['100', '100'],
    ['0.00', '0'],
  ])('%s is written %s', (source, written) => expect(referenceNumber(source)).toBe(written));

  test('a number that would fill a megabyte stays as it is', () => {
    expect(referenceNumber('1e999999')).toBe('1e999999');
    expect(referenceNumber('1'.repeat(10_000))).toBe('1'.repeat(10_000));
  });

  test('whole numbers and those of three decimals keep their value', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 0, max: 999 }), (whole, thousandths) => {
        const source = `${whole}.${String(thousandths).padStart(3, '0')}`;
        const written = referenceNumber(source);
        expect(Number(written)).toBe(Number(source));
        expect(written).not.toMatch(/[eE,]|\.\d*0$|\.$/);
      }),
    );
  });

  test('never further than half a thousandth from what was meant', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), (value) => {
        const source = JSON.stringify(value);
        expect(Math.abs(Number(referenceNumber(source)) - value)).toBeLessThanOrEqual(0.0005 + 1e-9);
      }),
    );
  });
});
