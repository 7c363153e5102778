import { inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { dateText, textLine } from './date-line.ts';
import { appearanceSvg } from './appearance-svg.ts';
import { roundSeal } from './round-seal.ts';
import { sealOutlines } from './seal-font.ts';
import { sealPng } from './seal-image.ts';

/** The pixels of an 8-bit RGBA PNG without interlacing (PNG specification, 9 and 11.2). */
function decodePng(png: Buffer): { width: number; height: number; rgba: (x: number, y: number) => number[] } {
  expect(png.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n');
  const chunks: { type: string; body: Buffer }[] = [];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    chunks.push({
      type: png.toString('latin1', at + 4, at + 8),
      body: png.subarray(at + 8, at + 8 + png.readUInt32BE(at)),
    });
  }
  const header = chunks[0]!.body;
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  expect([...header.subarray(8)]).toEqual([8, 6, 0, 0, 0]);
  const raw = inflateSync(Buffer.concat(chunks.filter((chunk) => chunk.type === 'IDAT').map((chunk) => chunk.body)));
  const stride = width * 4;
  const pixels = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y += 1) {
    const filter = raw[y * (stride + 1)]!;
    for (let i = 0; i < stride; i += 1) {
      const left = i < 4 ? 0 : pixels[y * stride + i - 4]!;
      const up = y === 0 ? 0 : pixels[(y - 1) * stride + i]!;
      const corner = i < 4 || y === 0 ? 0 : pixels[(y - 1) * stride + i - 4]!;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter]!;
      pixels[y * stride + i] = raw[y * (stride + 1) + 1 + i]! + guess;
    }
  }
  return { width, height, rgba: (x, y) => [...pixels.subarray(y * stride + x * 4, y * stride + x * 4 + 4)] };
}

function paeth(left: number, up: number, corner: number): number {
  const [a, b, c] = [left, up, corner].map((value) => Math.abs(left + up - corner - value)) as [number, number, number];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

const RED = [0xd7, 0x00, 0x0f, 255];
const NOTHING = 0;

describe('the picture of a seal', () => {
  it('is 600 pixels square, red where there is ink and transparent where there is none', async () => {
    const seal = roundSeal({ name: '示例房地产经纪有限公司' }, await sealOutlines());
    const image = decodePng(await sealPng(seal));
    expect([image.width, image.height]).toEqual([600, 600]);
    expect(image.rgba(300, 300)).toEqual(RED); // the star
    expect(image.rgba(300, 8)).toEqual(RED); // the ring, above
    expect(image.rgba(8, 300)).toEqual(RED); // and at the left
    expect(image.rgba(3, 3)[3]).toBe(NOTHING); // the corner outside of the ring
    expect(image.rgba(300, 500)[3]).toBe(NOTHING); // below the star
    const inked = (y: number) =>
      Array.from({ length: 600 }, (_, x) => image.rgba(x, y)[3]!).filter((a) => a > 0).length;
    expect(inked(60)).toBeGreaterThan(60); // the name
  });
});

describe('a date line', () => {
  const lateInChina = new Date('2026-11-21T16:30:00Z');

  it.each([
    ['yyyy年MM月dd日', '2026年11月22日'],
    ['yyyy-MM-dd', '2026-11-22'],
    ['yyyy/MM/dd', '2026/11/22'],
  ] as const)('as %s is the day in China', (format, text) => {
    expect(dateText(lateInChina, format)).toBe(text);
  });

  it('is black, as high as its font size and as wide as its characters', async () => {
    const line = textLine('2026年11月22日', await sealOutlines(), 14);
    expect(line.height).toBe(14);
    expect(line.width).toBeGreaterThan(14 * 6);
    expect(line.width).toBeLessThan(14 * 9);
    expect(line.paths).toHaveLength(1);
    expect(line.paths[0]!.fill).toBe('#000000');
    for (const command of line.paths[0]!.commands) {
      if (command.op === 'Z') continue;
      expect(command.x).toBeGreaterThanOrEqual(0);
      expect(command.x).toBeLessThanOrEqual(line.width);
      expect(command.y).toBeGreaterThanOrEqual(0);
      expect(command.y).toBeLessThanOrEqual(line.height);
    }
  });
});

describe('a drawing as SVG', () => {
  it('stands upright, with opacity where it has one', () => {
    const svg = appearanceSvg({
      width: 10,
      height: 20,
      paths: [
        { fill: '#112233', opacity: 0.5, commands: [{ op: 'M', x: 0, y: 1 }, { op: 'L', x: 2, y: 3 }, { op: 'Z' }] },
      ],
    });
    expect(svg).toBe(
      '<svg xmlns="http://www.w3.org/2000/svg" width="10pt" height="20pt" viewBox="0 0 10 20">' +
        '<g transform="matrix(1 0 0 -1 0 20)"><path fill="#112233" fill-opacity="0.5" d="M0 1L2 3Z"/></g></svg>',
    );
  });
});
