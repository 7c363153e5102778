import { crc32, deflateSync } from 'node:zlib';

/** Pixels as PDFium draws them: four bytes each, red, green, blue and alpha, which is opaque throughout. */
export interface Bitmap {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8Array;
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const PALETTED = 3;
const TRUE_COLOUR = 2;
/** Of each channel's 256 levels 16 stay. */
const LEVEL = 17;
const COLOURS = 16 ** 3;
const DEFLATE_LEVEL = 6;

/**
 * A page as a paletted PNG (ISO/IEC 15948), with 16 levels of each channel: nobody sees the difference in text and seals,
 * and a page of Chinese text takes half of its bytes, 85 KB at 1,080 pixels. Undefined where more than 256 colours are
 * left, as in a photograph.
 */
export function encodePng({ width, height, rgba }: Bitmap): Buffer | undefined {
  const indices = new Uint8Array(width * height);
  const indexOf = new Int16Array(COLOURS).fill(-1);
  const palette: number[] = [];
  for (let pixel = 0, at = 0; pixel < indices.length; pixel += 1, at += 4) {
    const [red, green, blue] = [level(rgba[at]), level(rgba[at + 1]), level(rgba[at + 2])];
    const colour = (red << 8) | (green << 4) | blue;
    let index = indexOf[colour] ?? -1;
    if (index === -1) {
      index = palette.length / 3;
      if (index > 255) return undefined;
      palette.push(red * LEVEL, green * LEVEL, blue * LEVEL);
      indexOf[colour] = index;
    }
    indices[pixel] = index;
  }
  const bitDepth = palette.length / 3 <= 16 ? 4 : 8;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([bitDepth, PALETTED, 0, 0, 0], 8);
  const rows = bitDepth === 4 ? packedRows(indices, width, height) : plainRows(indices, width, height);
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(palette)),
    chunk('IDAT', deflateSync(rows, { level: DEFLATE_LEVEL })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A page of many colours as a PNG of three bytes a pixel: a photograph takes megabytes so. */
export function encodeTrueColourPng({ width, height, rgba }: Bitmap): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, TRUE_COLOUR, 0, 0, 0], 8);
  const stride = 3 * width + 1;
  const rows = Buffer.alloc(stride * height);
  for (let row = 0; row < height; row += 1) {
    const start = row * stride;
    // Each byte is the difference from the pixel on its left (filter 1), which packs better than the colour itself.
    rows[start] = 1;
    for (let column = 0; column < width; column += 1) {
      const at = 4 * (row * width + column);
      for (let channel = 0; channel < 3; channel += 1) {
        const left = column === 0 ? 0 : (rgba[at - 4 + channel] ?? 0);
        rows[start + 1 + 3 * column + channel] = (rgba[at + channel] ?? 0) - left;
      }
    }
  }
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, { level: DEFLATE_LEVEL })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function level(channel: number | undefined): number {
  return Math.round((channel ?? 0) / LEVEL);
}

/** Each row begins with its filter, none: palettes gain nothing from another. */
function plainRows(indices: Uint8Array, width: number, height: number): Buffer {
  const rows = Buffer.alloc((width + 1) * height);
  for (let row = 0; row < height; row += 1) {
    rows.set(indices.subarray(row * width, (row + 1) * width), row * (width + 1) + 1);
  }
  return rows;
}

function packedRows(indices: Uint8Array, width: number, height: number): Buffer {
  const stride = Math.ceil(width / 2) + 1;
  const rows = Buffer.alloc(stride * height);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 2) {
      const from = row * width + column;
      const right = column + 1 < width ? (indices[from + 1] ?? 0) : 0;
      rows[row * stride + 1 + column / 2] = ((indices[from] ?? 0) << 4) | right;
    }
  }
  return rows;
}

function chunk(type: string, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}
