import { crc32 } from 'node:zlib';
import { Resvg } from '@resvg/resvg-js';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pictureKind, readPicture } from './picture.ts';

const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="37" height="21"><circle r="9"/></svg>';
const png = new Resvg(svg).render().asPng();

/** One of 3 × 2 pixels in the parts that a camera writes: fill bytes, a restart, a stuffed 0xFF, two scans. */
const segment = (marker: number, ...content: number[]): number[] => [0xff, marker, 0, content.length + 2, ...content];
const frame = segment(0xc2, 8, 0, 2, 0, 3, 1, 1, 0x11, 0);
const scan = [...segment(0xda, 1, 1, 0, 0, 63, 0), 0x12, 0xff, 0x00, 0x34, 0xff, 0xd0, 0x56];
const jpeg = Buffer.from([
  0xff,
  0xd8,
  ...segment(0xe0, 0x4a, 0x46),
  0xff,
  ...segment(0xc4, 1),
  ...frame,
  ...scan,
  ...scan,
  0xff,
  0xd9,
]);

test('a PNG and a JPEG that are whole tell their size', () => {
  const byteLength = png.length;
  expect(readPicture(png)).toEqual({ kind: 'png', widthPixels: 37, heightPixels: 21, byteLength });
  expect(readPicture(jpeg)).toEqual({ kind: 'jpeg', widthPixels: 3, heightPixels: 2, byteLength: jpeg.length });
});

describe.each([
  ['png', png],
  ['jpeg', jpeg],
])('a %s', (_kind, whole) => {
  test('that was cut anywhere is none', () => {
    for (let length = 0; length < whole.length; length += 1) {
      expect(readPicture(whole.subarray(0, length))).toBeUndefined();
    }
  });

  test('ends where it ends, whatever stands behind it', () => {
    const more = Buffer.concat([whole, Buffer.from('<script>alert(1)</script>PK\u0003\u0004')]);
    expect(readPicture(more)?.byteLength).toBe(whole.length);
  });

  test('with bytes of any kind in it is read or refused, and never reaches beyond its end', () => {
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.uint8Array({ maxLength: 8 }), (at, bytes) => {
        const damaged = Buffer.from(whole);
        damaged.set(bytes.subarray(0, whole.length - at), at);
        const read = readPicture(damaged);
        if (read !== undefined) expect(read.byteLength).toBeLessThanOrEqual(damaged.length);
      }),
    );
  });
});

test('a changed byte of a PNG is found by its checksums', () => {
  for (let at = 8; at < png.length; at += 1) {
    const changed = Buffer.from(png);
    changed[at]! ^= 1;
    const read = readPicture(changed);
    // Of the last chunk everything is fixed, and a length that fits by chance does not exist in this file.
    expect(read, `byte ${at}`).toBeUndefined();
  }
});

test.each<[string, Buffer]>([
  ['nothing', Buffer.alloc(0)],
  ['a page', Buffer.from('<!doctype html>')],
  ['a vector drawing', Buffer.from(svg)],
  ['a GIF', Buffer.from('GIF89a')],
  ['a JPEG without a frame', Buffer.from([0xff, 0xd8, ...scan, 0xff, 0xd9])],
  ['a JPEG without a scan', Buffer.from([0xff, 0xd8, ...frame, 0xff, 0xd9])],
  ['a JPEG of two sizes', Buffer.from([0xff, 0xd8, ...frame, ...frame, ...scan, 0xff, 0xd9])],
  ['a JPEG without width', Buffer.from([0xff, 0xd8, ...frame.with(8, 0), ...scan, 0xff, 0xd9])],
  ['a JPEG that is nothing but fill bytes', Buffer.concat([Buffer.from([0xff, 0xd8]), Buffer.alloc(100_000, 0xff)])],
  ['a PNG without pixels', pngOf(['IHDR', Buffer.from('0000000100000001080000000000'.slice(0, 26), 'hex')], ['IEND'])],
  ['a PNG that begins with its pixels', pngOf(['IDAT', Buffer.from('x')], ['IEND'])],
])('%s is no picture', (_what, bytes) => {
  expect(readPicture(bytes)).toBeUndefined();
});

test('what a file is shown as hangs on its first bytes alone', () => {
  expect(pictureKind(png)).toBe('png');
  expect(pictureKind(jpeg)).toBe('jpeg');
  expect(pictureKind(Buffer.from('%PDF-1.7'))).toBeUndefined();
  expect(pictureKind(Buffer.alloc(0))).toBeUndefined();
});

function pngOf(...chunks: (readonly [string, Buffer?])[]): Buffer {
  const parts = chunks.map(([type, content = Buffer.alloc(0)]) => {
    const named = Buffer.concat([Buffer.from(type), content]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(content.length);
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(named));
    return Buffer.concat([length, named, sum]);
  });
  return Buffer.concat([png.subarray(0, 8), ...parts]);
}
