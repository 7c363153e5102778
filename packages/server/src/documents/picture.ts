import { crc32 } from 'node:zlib';

export type PictureKind = 'png' | 'jpeg';

export interface Picture {
  kind: PictureKind;
  widthPixels: number;
  heightPixels: number;
  /** Up to the picture's own end: cameras write further things behind it. */
  byteLength: number;
}

const PNG_SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');
const JPEG_SIGNATURE = Buffer.from('ffd8ff', 'hex');

/** What a file is by its first bytes; undefined for anything but a picture. */
export function pictureKind(bytes: Buffer): PictureKind | undefined {
  if (bytes.subarray(0, PNG_SIGNATURE.length).equals(PNG_SIGNATURE)) return 'png';
  return bytes.subarray(0, JPEG_SIGNATURE.length).equals(JPEG_SIGNATURE) ? 'jpeg' : undefined;
}

/**
 * The size of a PNG (ISO/IEC 15948) or a JPEG (ITU-T T.81) that is whole: its parts follow each other from the first byte
 * to the end. Pixels are not decoded. Whoever keeps no more than `byteLength` keeps no file of another kind behind it.
 * Undefined for anything else. Takes time in proportion to the bytes and no memory.
 */
export function readPicture(bytes: Buffer): Picture | undefined {
  const kind = pictureKind(bytes);
  const size = kind === 'png' ? pngSize(bytes) : kind === 'jpeg' ? jpegSize(bytes) : undefined;
  if (kind === undefined || size === undefined || size.widthPixels === 0 || size.heightPixels === 0) return undefined;
  return { kind, ...size };
}

type Size = Omit<Picture, 'kind'>;

/** A chunk's length, type and checksum. */
const CHUNK_FRAME_BYTES = 12;
const HEADER_CHUNK_BYTES = 13;

function pngSize(bytes: Buffer): Size | undefined {
  let size: Omit<Size, 'byteLength'> | undefined;
  let hasPixels = false;
  for (let at = PNG_SIGNATURE.length; at + CHUNK_FRAME_BYTES <= bytes.length;) {
    const length = bytes.readUInt32BE(at);
    const end = at + CHUNK_FRAME_BYTES + length;
    if (end > bytes.length) return undefined;
    const type = bytes.toString('latin1', at + 4, at + 8);
    if (crc32(bytes.subarray(at + 4, end - 4)) !== bytes.readUInt32BE(end - 4)) return undefined;
    if ((type === 'IHDR') !== (size === undefined)) return undefined;
    if (type === 'IHDR') {
      if (length !== HEADER_CHUNK_BYTES) return undefined;
      size = { widthPixels: bytes.readUInt32BE(at + 8), heightPixels: bytes.readUInt32BE(at + 12) };
    }
    if (type === 'IDAT') hasPixels = true;
    if (type === 'IEND') {
      return hasPixels && length === 0 && size !== undefined ? { ...size, byteLength: end } : undefined;
    }
    at = end;
  }
  return undefined;
}

const MARKER = 0xff;
const START_OF_SCAN = 0xda;
const END_OF_IMAGE = 0xd9;
/** SOF0 to SOF15 but DHT, JPG and DAC, which stand between them (T.81, table B.1). */
const isFrameHeader = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
/** RST0 to RST7 and TEM stand alone. */
const isBare = (marker: number): boolean => (marker >= 0xd0 && marker <= 0xd7) || marker === 0x01;

function jpegSize(bytes: Buffer): Size | undefined {
  let size: Omit<Size, 'byteLength'> | undefined;
  let hasScan = false;
  let at = 2;
  while (at + 1 < bytes.length) {
    if (bytes[at] !== MARKER) return undefined;
    const marker = bytes[at + 1] ?? 0;
    if (marker === MARKER) {
      // A fill byte (B.1.1.2).
      at += 1;
      continue;
    }
    if (marker === END_OF_IMAGE) {
      return hasScan && size !== undefined ? { ...size, byteLength: at + 2 } : undefined;
    }
    if (isBare(marker)) {
      at += 2;
      continue;
    }
    if (at + 4 > bytes.length) return undefined;
    const length = bytes.readUInt16BE(at + 2);
    if (length < 2 || at + 2 + length > bytes.length) return undefined;
    if (isFrameHeader(marker)) {
      if (size !== undefined || length < 8) return undefined;
      size = { heightPixels: bytes.readUInt16BE(at + 5), widthPixels: bytes.readUInt16BE(at + 7) };
    }
    at += 2 + length;
    if (marker === START_OF_SCAN) {
      if (size === undefined) return undefined;
      hasScan = true;
      at = endOfScan(bytes, at);
    }
  }
  return undefined;
}

/** Where the entropy-coded bytes end: at the next marker that is neither a stuffed 0xFF nor a restart (B.1.1.5). */
function endOfScan(bytes: Buffer, start: number): number {
  for (let at = bytes.indexOf(MARKER, start); at >= 0; at = bytes.indexOf(MARKER, at + 1)) {
    const next = bytes[at + 1] ?? 0;
    if (next !== 0 && next !== MARKER && !isBare(next)) return at;
  }
  return bytes.length;
}
