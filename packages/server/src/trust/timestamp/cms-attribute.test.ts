import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import * as der from '../der.ts';
import { generatePrivateKey, softwareKey } from '../keys/software-key.ts';
import { createRoot } from '../authority.ts';
import { documentSigner } from '../signers.ts';
import { definiteLengths } from './asn1.ts';
import {
  certificatesOf,
  signatureTimestampBytesMax,
  signatureTimestampOf,
  signatureValueOf,
  withoutPadding,
  withSignatureTimestamp,
} from './cms-attribute.ts';

let cms: Buffer;
let certificate: Buffer;
beforeAll(async () => {
  const key = softwareKey(await generatePrivateKey('P-256'));
  ({ certificate } = await createRoot(key, new Date()));
  const signer = documentSigner({ key, certificate, chain: [] });
  cms = await signer.signDetached(createHash('sha256').update('x').digest());
});

const token = fc.uint8Array({ maxLength: 20_000, size: 'max' }).map((bytes) => der.sequence(der.octetString(bytes)));

describe('a timestamp in a signature', () => {
  test('is read as it was put in, and nothing else of the signature changes', () => {
    fc.assert(
      fc.property(token, (given) => {
        const stamped = withSignatureTimestamp(cms, given);
        expect(signatureTimestampOf(stamped)?.equals(given)).toBe(true);
        expect(signatureValueOf(stamped).equals(signatureValueOf(cms))).toBe(true);
        expect(certificatesOf(stamped)).toEqual([certificate]);
        expect(stamped.length - cms.length).toBeLessThanOrEqual(signatureTimestampBytesMax(given.length));
      }),
      { numRuns: 200 },
    );
    expect(signatureTimestampOf(cms)).toBeUndefined();
  });

  test('stands beside other unsigned attributes, which stay', () => {
    const once = withSignatureTimestamp(cms, der.sequence(der.nullValue()));
    const twice = withSignatureTimestamp(once, der.sequence(der.octetString(Buffer.alloc(3))));
    expect(twice.includes(der.sequence(der.octetString(Buffer.alloc(3))))).toBe(true);
    expect(twice.includes(der.sequence(der.nullValue()))).toBe(true);
  });
});

test('the room of a signature is filled up with zeros, and its value may end in some', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), fc.nat(9), (bytes, room, zeros) => {
      const value = der.octetString(Buffer.concat([bytes, Buffer.alloc(zeros)]));
      expect(withoutPadding(Buffer.concat([value, Buffer.alloc(room)])).equals(value)).toBe(true);
    }),
  );
});

test('whatever the bytes are, reading ends, with a value or a RangeError', () => {
  const nearly = fc
    .tuple(fc.nat(), fc.integer({ min: 1, max: 255 }))
    .map(([at, flip]) => Buffer.from(cms.map((byte, index) => (index === at % cms.length ? byte ^ flip : byte))));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), nearly), (bytes) => {
      for (const read of [withoutPadding, signatureValueOf, signatureTimestampOf, certificatesOf, definiteLengths]) {
        try {
          read(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }
    }),
    { numRuns: 2_000 },
  );
});

describe('BER as DER', () => {
  const nested: fc.Arbitrary<Buffer> = fc.letrec<{ value: Buffer }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.uint8Array({ maxLength: 200 }).map((bytes) => der.octetString(bytes)),
      fc.array(tie('value'), { maxLength: 4 }).map((items) => der.sequence(...items)),
    ),
  })).value;

  /** With indefinite lengths, and octet strings in pieces. */
  function loosely(bytes: Buffer): Buffer {
    return Buffer.concat(
      der.readElements(bytes).map(({ tag, contents }) => {
        const end = Buffer.of(0, 0);
        if (tag !== 0x04) return Buffer.concat([Buffer.of(tag, 0x80), loosely(contents), end]);
        const half = contents.length >> 1;
        const pieces = [der.octetString(contents.subarray(0, half)), der.octetString(contents.subarray(half))];
        return Buffer.concat([Buffer.of(0x24, 0x80), ...pieces, end]);
      }),
    );
  }

  test('is the same value', () => {
    fc.assert(
      fc.property(nested, (value) => {
        expect(definiteLengths(loosely(value)).equals(value)).toBe(true);
        expect(definiteLengths(value).equals(value)).toBe(true);
      }),
    );
  });

  test.each([
    ['an end that does not come', '3080'],
    ['an end that does not come after a value', '3080020100'],
    ['a primitive of no length', '0480'],
    ['an end that is none', '30800000ff'],
    ['a nesting bomb', '3080'.repeat(5_000)],
  ])('%s is refused', (_, hex) => {
    expect(() => definiteLengths(Buffer.from(hex, 'hex'))).toThrow(RangeError);
  });
});
