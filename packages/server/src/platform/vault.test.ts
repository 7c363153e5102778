import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createVault } from './vault.ts';

const vault = createVault(Buffer.alloc(32, 1));
const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));

test('what was sealed opens again under the same context', () => {
  fc.assert(
    fc.property(bytes, fc.string(), (plain, context) => {
      expect(vault.open(vault.seal(plain, context), context)).toEqual(plain);
    }),
  );
});

test('any flipped bit is noticed', () => {
  fc.assert(
    fc.property(bytes, fc.nat(), fc.integer({ min: 0, max: 7 }), (plain, place, bit) => {
      const sealed = vault.seal(plain, 'app/secret');
      const at = place % sealed.length;
      sealed.writeUInt8(sealed.readUInt8(at) ^ (1 << bit), at);
      expect(() => vault.open(sealed, 'app/secret')).toThrow(/sealed_/);
    }),
  );
});

test('another context does not open it', () => {
  fc.assert(
    fc.property(bytes, fc.string(), fc.string(), (plain, context, other) => {
      fc.pre(!Buffer.from(context).equals(Buffer.from(other)));
      expect(() => vault.open(vault.seal(plain, context), other)).toThrow(/sealed_unreadable/);
    }),
  );
});

test('bytes cut short, empty or of another make are malformed', () => {
  const sealed = vault.seal(Buffer.from('secret'), 'c');
  for (let length = 0; length < sealed.length; length += 1) {
    expect(() => vault.open(sealed.subarray(0, length), 'c')).toThrow(/sealed_(malformed|unreadable)/);
  }
  expect(() => vault.open(Buffer.alloc(100), 'c')).toThrow(/sealed_malformed/);
});

test('a secret of a rotated master key is told apart, and both key ids are named', () => {
  const rotated = createVault(Buffer.alloc(32, 2));
  const sealed = vault.seal(Buffer.from('secret'), 'c');
  expect(() => rotated.open(sealed, 'c')).toThrow(
    expect.objectContaining({
      code: 'sealed_by_other_key',
      params: { sealedUnder: sealed.subarray(1, 5).toString('hex'), present: expect.stringMatching(/^[0-9a-f]{8}$/) },
    }),
  );
});

test('the same secret is sealed differently each time', () => {
  const plain = Buffer.from('secret');
  expect(vault.seal(plain, 'c')).not.toEqual(vault.seal(plain, 'c'));
});

test('a derived key is the same after every start, and each purpose and master key has its own', () => {
  const key = vault.deriveKey('file-url');
  expect(key).toHaveLength(32);
  expect(createVault(Buffer.alloc(32, 1)).deriveKey('file-url')).toEqual(key);
  expect(vault.deriveKey('identifier')).not.toEqual(key);
  expect(createVault(Buffer.alloc(32, 2)).deriveKey('file-url')).not.toEqual(key);
});

test('derivation is HKDF-SHA-256, fixed for ever', () => {
  expect(vault.deriveKey('file-url').toString('hex')).toBe(
    '7832191f404359db0fb793e6cbfd98a6b94b136cdc32c501e07294d1711465a0',
  );
});

test('a master key of another length is refused', () => {
  expect(() => createVault(Buffer.alloc(31))).toThrow('31 bytes');
});
