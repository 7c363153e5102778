import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fileUrl, verifyFileUrl } from './file-url.ts';
import type { FileUrlParts } from './file-url.ts';

const KEY = Buffer.alloc(32, 1);
const file = { appId: 'OIG0AF4DMOK2VC2N', fileId: '0123456789abcdef0123456789abcdef' };
const EXPIRES_AT = new Date('2026-01-01T01:00:00Z');
const BEFORE = new Date('2026-01-01T00:59:59.999Z');

function partsOf(url: string): FileUrlParts {
  const { pathname, searchParams } = new URL(url);
  const [, , appId = '', fileId = ''] = pathname.split('/').map(decodeURIComponent);
  return { appId, fileId, expires: searchParams.get('expires') ?? '', signature: searchParams.get('signature') ?? '' };
}

test('a URL opens its file until it expires', () => {
  const url = fileUrl('https://sign.example.com/', file, EXPIRES_AT, KEY);
  expect(url).toMatch(/^https:\/\/sign\.example\.com\/files\/OIG0AF4DMOK2VC2N\/0123456789abcdef0123456789abcdef\?/);
  expect(verifyFileUrl(partsOf(url), BEFORE, KEY)).toEqual({ ok: true });
  expect(verifyFileUrl(partsOf(url), EXPIRES_AT, KEY)).toEqual({ ok: false, reason: 'expired' });
});

test('a URL with any part changed, or of another key, is forged', () => {
  const parts = partsOf(fileUrl('https://sign.example.com', file, EXPIRES_AT, KEY));
  const fields = ['appId', 'fileId', 'expires', 'signature'] as const;
  fc.assert(
    fc.property(fc.constantFrom(...fields), fc.string(), (field, value) => {
      fc.pre(parts[field] !== value);
      expect(verifyFileUrl({ ...parts, [field]: value }, BEFORE, KEY)).toEqual({ ok: false, reason: 'forged' });
    }),
  );
  expect(verifyFileUrl(parts, BEFORE, Buffer.alloc(32, 2))).toEqual({ ok: false, reason: 'forged' });
  expect(verifyFileUrl({ ...parts, signature: `${parts.signature}=` }, BEFORE, KEY).ok).toBe(false);
});

test('characters moved from one part to the next make another URL', () => {
  const parts = partsOf(fileUrl('https://sign.example.com', { appId: 'AB', fileId: 'C1' }, EXPIRES_AT, KEY));
  expect(verifyFileUrl({ ...parts, appId: 'A', fileId: 'BC1' }, BEFORE, KEY)).toEqual({ ok: false, reason: 'forged' });
});
