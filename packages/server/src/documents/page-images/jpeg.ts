import type { Bitmap } from './png.ts';

/**
 * A baseline JPEG (ITU-T T.81) of a page that is a picture: scans and photographs, where a PNG would be several times as
 * long. Chroma at half the resolution (4:2:0), quality about 75, the standard's own Huffman tables.
 */
export function encodeJpeg({ width, height, rgba }: Bitmap): Buffer {
  const planes = toPlanes({ width, height, rgba });
  const writer = new BitWriter();
  const predictors: [number, number, number] = [0, 0, 0];
  for (let top = 0; top < planes.rows; top += 16) {
    for (let left = 0; left < planes.columns; left += 16) {
      for (const [dy, dx] of [
        [0, 0],
        [0, 8],
        [8, 0],
        [8, 8],
      ] as const) {
        const block = blockOf(planes.luma, planes.columns, left + dx, top + dy);
        predictors[0] = writeBlock(writer, block, LUMA, predictors[0]);
      }
      const half = planes.columns / 2;
      predictors[1] = writeBlock(writer, blockOf(planes.blue, half, left / 2, top / 2), CHROMA, predictors[1]);
      predictors[2] = writeBlock(writer, blockOf(planes.red, half, left / 2, top / 2), CHROMA, predictors[2]);
    }
  }
  return Buffer.concat([headOf(width, height), writer.finish(), Buffer.from([0xff, 0xd9])]);
}

/** The zigzag order of a block's coefficients (figure 5). */
// oxfmt-ignore
const ZIGZAG = [
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55,
  62, 63,
];

/** Quantisation of annex K.1, in rows. */
// oxfmt-ignore
const LUMA_STEPS = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87,
  80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92,
  95, 98, 112, 100, 103, 99,
];
// oxfmt-ignore
const CHROMA_STEPS = [
  17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99,
  99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
  99, 99, 99, 99,
];

/** How many codes have each length from 1 to 16, and what they stand for (annex K.3). */
type HuffmanTable = { readonly counts: readonly number[]; readonly symbols: readonly number[] };
const DC_SYMBOLS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const LUMA_DC: HuffmanTable = { counts: [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], symbols: DC_SYMBOLS };
const CHROMA_DC: HuffmanTable = { counts: [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], symbols: DC_SYMBOLS };
const bytesOf = (hex: string): number[] => [...Buffer.from(hex, 'hex')];
const LUMA_AC: HuffmanTable = {
  counts: [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125],
  symbols: bytesOf(
    '01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738' +
      '393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4' +
      'a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa',
  ),
};
const CHROMA_AC: HuffmanTable = {
  counts: [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119],
  symbols: bytesOf(
    '000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a353637' +
      '38393a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2' +
      'a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa',
  ),
};

type Code = { readonly bits: number; readonly length: number };

/** Annex C: codes of one length follow each other, and a longer one begins where they end. */
function codesOf({ counts, symbols }: HuffmanTable): Code[] {
  const codes: Code[] = [];
  let bits = 0;
  let next = 0;
  for (const [index, count] of counts.entries()) {
    for (let number = 0; number < count; number += 1) {
      codes[symbols[next] ?? 0] = { bits, length: index + 1 };
      bits += 1;
      next += 1;
    }
    bits <<= 1;
  }
  return codes;
}

/** Half of annex K's steps: a quality of 75, as it is usually counted. */
const halved = (steps: readonly number[]): number[] => steps.map((step) => Math.max(1, Math.floor((step + 1) / 2)));

type Component = { readonly steps: readonly number[]; readonly dc: readonly Code[]; readonly ac: readonly Code[] };
const LUMA: Component = { steps: halved(LUMA_STEPS), dc: codesOf(LUMA_DC), ac: codesOf(LUMA_AC) };
const CHROMA: Component = { steps: halved(CHROMA_STEPS), dc: codesOf(CHROMA_DC), ac: codesOf(CHROMA_AC) };

/** Bits of the scan, a zero byte behind each 0xff (B.1.1.5). */
class BitWriter {
  #bytes = Buffer.alloc(256 * 1024);
  #length = 0;
  #bits = 0;
  #count = 0;

  write(bits: number, length: number): void {
    for (let left = length; left > 0;) {
      const room = Math.min(8 - this.#count, left);
      const part = (bits >> (left - room)) & ((1 << room) - 1);
      this.#bits = (this.#bits << room) | part;
      this.#count += room;
      left -= room;
      if (this.#count === 8) this.#flush();
    }
  }

  finish(): Buffer {
    while (this.#count > 0) this.write(1, 1);
    return this.#bytes.subarray(0, this.#length);
  }

  #flush(): void {
    if (this.#length + 2 > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(this.#length)]);
    this.#bytes[this.#length] = this.#bits;
    this.#length += 1;
    if (this.#bits === 0xff) {
      this.#bytes[this.#length] = 0;
      this.#length += 1;
    }
    [this.#bits, this.#count] = [0, 0];
  }
}

interface Planes {
  /** Whole groups of 16 pixels; the last pixel is repeated to fill them. */
  readonly columns: number;
  readonly rows: number;
  readonly luma: Float32Array;
  readonly blue: Float32Array;
  readonly red: Float32Array;
}

/** JFIF's colours about zero; each value of the two colour planes is the mean of four pixels. */
function toPlanes({ width, height, rgba }: Bitmap): Planes {
  const [columns, rows] = [Math.ceil(width / 16) * 16, Math.ceil(height / 16) * 16];
  const luma = new Float32Array(columns * rows);
  const blue = new Float32Array((columns * rows) / 4);
  const red = new Float32Array((columns * rows) / 4);
  for (let y = 0; y < rows; y += 1) {
    const from = Math.min(y, height - 1) * width;
    for (let x = 0; x < columns; x += 1) {
      const at = (from + Math.min(x, width - 1)) * 4;
      const [r, g, b] = [rgba[at] ?? 0, rgba[at + 1] ?? 0, rgba[at + 2] ?? 0];
      const light = 0.299 * r + 0.587 * g + 0.114 * b;
      const small = (y >> 1) * (columns / 2) + (x >> 1);
      luma[y * columns + x] = light - 128;
      blue[small] = (blue[small] ?? 0) + ((b - light) * 0.564) / 4;
      red[small] = (red[small] ?? 0) + ((r - light) * 0.713) / 4;
    }
  }
  return { columns, rows, luma, blue, red };
}

function blockOf(plane: Float32Array, columns: number, left: number, top: number): Float32Array {
  const block = new Float32Array(64);
  for (let row = 0; row < 8; row += 1) {
    const from = (top + row) * columns + left;
    block.set(plane.subarray(from, from + 8), row * 8);
  }
  return block;
}

/** cos((2x + 1)uπ / 16) with the transform's factors (A.3.3). */
const COSINES = Array.from({ length: 64 }, (_, index) => {
  const [frequency, position] = [index >> 3, index & 7];
  const factor = frequency === 0 ? Math.SQRT1_2 : 1;
  return (factor / 2) * Math.cos(((2 * position + 1) * frequency * Math.PI) / 16);
});

/** The discrete cosine transform along the rows, turned over: done twice, it is that of the block. */
function transformedRows(block: Float32Array): Float32Array {
  const turned = new Float32Array(64);
  for (let row = 0; row < 8; row += 1) {
    for (let frequency = 0; frequency < 8; frequency += 1) {
      let sum = 0;
      for (let position = 0; position < 8; position += 1) {
        sum += (block[row * 8 + position] ?? 0) * (COSINES[frequency * 8 + position] ?? 0);
      }
      turned[frequency * 8 + row] = sum;
    }
  }
  return turned;
}

/** Writes a block and answers its first coefficient, from which the next one's is counted. */
function writeBlock(writer: BitWriter, block: Float32Array, { steps, dc, ac }: Component, predictor: number): number {
  const coefficients = transformedRows(transformedRows(block));
  const first = Math.round((coefficients[0] ?? 0) / (steps[0] ?? 1));
  writeValue(writer, dc, 0, first - predictor);
  let zeros = 0;
  for (let index = 1; index < 64; index += 1) {
    const at = ZIGZAG[index] ?? 0;
    const value = Math.round((coefficients[at] ?? 0) / (steps[at] ?? 1));
    if (value === 0) {
      zeros += 1;
      continue;
    }
    for (; zeros > 15; zeros -= 16) writeCode(writer, ac, 0xf0);
    writeValue(writer, ac, zeros, value);
    zeros = 0;
  }
  if (zeros > 0) writeCode(writer, ac, 0);
  return first;
}

/** The code for as many zeros and a value of so many bits, then those bits; a negative value counts from below. */
function writeValue(writer: BitWriter, codes: readonly Code[], zeros: number, value: number): void {
  const length = 32 - Math.clz32(Math.abs(value));
  writeCode(writer, codes, (zeros << 4) | length);
  if (length > 0) writer.write(value < 0 ? value + (1 << length) - 1 : value, length);
}

function writeCode(writer: BitWriter, codes: readonly Code[], symbol: number): void {
  const code = codes[symbol];
  if (code === undefined) throw new RangeError('a coefficient beyond what a JPEG holds');
  writer.write(code.bits, code.length);
}

function headOf(width: number, height: number): Buffer {
  const size = [height >> 8, height & 255, width >> 8, width & 255];
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    segment(0xe0, [...Buffer.from('JFIF\0', 'latin1'), 1, 1, 0, 0, 1, 0, 1, 0, 0]),
    segment(0xdb, [0, ...ZIGZAG.map((at) => LUMA.steps[at] ?? 1), 1, ...ZIGZAG.map((at) => CHROMA.steps[at] ?? 1)]),
    segment(0xc0, [8, ...size, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]),
    ...[LUMA_DC, LUMA_AC, CHROMA_DC, CHROMA_AC].map(({ counts, symbols }, index) =>
      segment(0xc4, [[0x00, 0x10, 0x01, 0x11][index] ?? 0, ...counts, ...symbols]),
    ),
    segment(0xda, [3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0]),
  ]);
}

function segment(marker: number, content: readonly number[]): Buffer {
  const length = content.length + 2;
  return Buffer.from([0xff, marker, length >> 8, length & 255, ...content]);
}
