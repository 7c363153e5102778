import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import * as der from './der.ts';

test('what is encoded is read back, whatever its length', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70_000, size: 'max' }), (bytes) => {
      const encoded = der.octetString(bytes);
      const [read, ...others] = der.readElements(encoded);
      expect(others).toEqual([]);
      expect(read?.tag).toBe(0x04);
      expect(read?.contents.equals(bytes)).toBe(true);
      expect(read?.bytes.equals(encoded)).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test.each([0, 127, 128, 255, 256, 65_535, 65_536])('a length of %i takes as few bytes as can be', (length) => {
  const header = length < 128 ? 2 : length < 256 ? 3 : length < 65_536 ? 4 : 5;
  expect(der.octetString(Buffer.alloc(length))).toHaveLength(header + length);
});

test('a SET OF does not depend on the order of its items', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (contents) => {
      const items = contents.map((each) => der.octetString(each));
      const reversed = [...items].reverse();
      expect(der.setOf(...items).equals(der.setOf(...reversed))).toBe(true);
      const read = der.readElements(der.readElements(der.setOf(...items))[0]!.contents).map(({ bytes }) => bytes);
      expect(read).toEqual([...items].sort((a, b) => Buffer.compare(a, b)));
    }),
  );
});

// ITU-T X.690, 8.19.5, and identifiers as RFC 5652 and RFC 5754 print them.
test.each([
  ['2.999.3', '0603883703'],
  ['1.2.840.113549.1.7.2', '06092a864886f70d010702'],
  ['2.16.840.1.101.3.4.2.1', '0609608648016503040201'],
])('object identifier %s', (dotted, hex) => {
  expect(der.oid(dotted).toString('hex')).toBe(hex);
});

test('bytes that are no DER are refused, and never read past their end', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        const elements = der.readElements(Buffer.from(bytes));
        expect(Buffer.concat(elements.map(({ bytes: each }) => each)).equals(bytes)).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }),
    { numRuns: 2000 },
  );
});

test.each(['0480', '048100', '04810100', '0482000100', '0405ff', '1f00', '04'])('%s is not DER', (hex) => {
  expect(() => der.readElements(Buffer.from(hex, 'hex'))).toThrow(RangeError);
});
