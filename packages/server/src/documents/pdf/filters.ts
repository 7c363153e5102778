import { constants, inflateSync } from 'node:zlib';
import { DamagedPdf, TooComplexPdf } from './budget.ts';
import type { ParseBudget } from './budget.ts';
import { isDict, PdfName } from './values.ts';
import type { PdfDict, PdfStream, PdfValue } from './values.ts';

/**
 * Undoes the filters of a cross-reference stream or object stream: none, or FlateDecode with or without a PNG predictor
 * (7.4.4), which is all that writers use for these. Page content is never decoded here.
 */
export function decodeStructureStream(stream: PdfStream, budget: ParseBudget): Buffer {
  const filter = single(stream.dict.get('Filter'));
  if (filter === undefined || filter === null) {
    // Many streams can share the same bytes of the file, so these are charged like any others.
    budget.spendInflated(stream.encoded.length);
    return stream.encoded;
  }
  if (!(filter instanceof PdfName) || filter.name !== 'FlateDecode')
    throw new DamagedPdf('filter of a structure stream');
  const inflated = inflate(stream.encoded, budget);
  const parameters = single(stream.dict.get('DecodeParms'));
  return isDict(parameters) ? unpredict(inflated, parameters) : inflated;
}

function single(value: PdfValue | undefined): PdfValue | undefined {
  if (!Array.isArray(value)) return value;
  if (value.length > 1) throw new DamagedPdf('several filters on a structure stream');
  return value[0];
}

function inflate(bytes: Buffer, budget: ParseBudget): Buffer {
  let inflated: Buffer;
  try {
    inflated = inflateSync(bytes, {
      maxOutputLength: budget.inflatedBytesLeft() + 1,
      finishFlush: constants.Z_SYNC_FLUSH,
    });
  } catch (cause) {
    const isTooLong = cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE';
    if (isTooLong) throw new TooComplexPdf('a stream inflates to too much');
    throw new DamagedPdf('a stream does not inflate', cause);
  }
  budget.spendInflated(inflated.length);
  return inflated;
}

function integer(parameters: PdfDict, key: string, fallback: number): number {
  const value = parameters.get(key) ?? fallback;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > 65_536) {
    throw new DamagedPdf(`decode parameter ${key}`);
  }
  return value;
}

/** The PNG predictors (RFC 2083, 6). Each row is led by a byte that names its own filter. */
function unpredict(bytes: Buffer, parameters: PdfDict): Buffer {
  const predictor = integer(parameters, 'Predictor', 1);
  if (predictor === 1) return bytes;
  if (predictor < 10) throw new DamagedPdf('TIFF predictor on a structure stream');
  const bits = integer(parameters, 'Colors', 1) * integer(parameters, 'BitsPerComponent', 8);
  const pixelBytes = Math.max(1, bits >> 3);
  const rowBytes = Math.ceil((bits * integer(parameters, 'Columns', 1)) / 8);
  const rows = Math.floor(bytes.length / (rowBytes + 1));
  const result = Buffer.alloc(rows * rowBytes);
  for (let row = 0; row < rows; row += 1) {
    const source = row * (rowBytes + 1);
    const filter = bytes[source] ?? 0;
    const target = row * rowBytes;
    for (let column = 0; column < rowBytes; column += 1) {
      const left = column >= pixelBytes ? (result[target + column - pixelBytes] ?? 0) : 0;
      const up = row > 0 ? (result[target + column - rowBytes] ?? 0) : 0;
      const upLeft = row > 0 && column >= pixelBytes ? (result[target + column - rowBytes - pixelBytes] ?? 0) : 0;
      result[target + column] = (bytes[source + 1 + column] ?? 0) + prediction(filter, left, up, upLeft);
    }
  }
  return result;
}

function prediction(filter: number, left: number, up: number, upLeft: number): number {
  switch (filter) {
    case 0:
      return 0;
    case 1:
      return left;
    case 2:
      return up;
    case 3:
      return (left + up) >> 1;
    case 4: {
      const estimate = left + up - upLeft;
      const byLeft = Math.abs(estimate - left);
      const byUp = Math.abs(estimate - up);
      const byUpLeft = Math.abs(estimate - upLeft);
      if (byLeft <= byUp && byLeft <= byUpLeft) return left;
      return byUp <= byUpLeft ? up : upLeft;
    }
    default:
      throw new DamagedPdf('unknown PNG predictor');
  }
}
