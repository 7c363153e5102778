import { createHash } from 'node:crypto';
import type { PdfDocument } from './document.ts';
import { serializeBody, serializeValue } from './serialize.ts';
import { dict, name, PdfRef, PdfStream, PdfString } from './values.ts';
import type { PdfValue } from './values.ts';

type Written = { objectNumber: number; generation: number; offset: number };

/**
 * One incremental update (7.5.6): objects that are new or replaced, appended to a file whose bytes stay as they are.
 * The cross-reference is written in the manner of the newest one of the file, a table after a table and a stream after
 * a stream.
 */
export class PdfRevision {
  readonly #document: PdfDocument;
  readonly #bodies = new Map<number, Buffer>();
  #nextObjectNumber: number;

  constructor(document: PdfDocument) {
    this.#document = document;
    this.#nextObjectNumber = Math.max(1, document.xref.size);
  }

  /** Adds an object under a new number. */
  add(value: PdfValue): PdfRef {
    const reference = this.reserve();
    this.set(reference, value);
    return reference;
  }

  /** A new number, whose object is `set` later. */
  reserve(): PdfRef {
    const reference = new PdfRef(this.#nextObjectNumber);
    this.#nextObjectNumber += 1;
    return reference;
  }

  /** Writes or replaces an object. A Buffer is a body already serialised. */
  set(reference: PdfRef, value: PdfValue | Buffer): void {
    this.#bodies.set(reference.objectNumber, Buffer.isBuffer(value) ? value : serializeBody(value));
  }

  /**
   * The whole file: its old bytes, then this revision. `offsetOf` is where an object's body begins, from the file's
   * first byte, for those who fill a placeholder in afterwards.
   */
  build(): { bytes: Buffer; bodyOffset: (reference: PdfRef) => number } {
    const { bytes: before, xref } = this.#document;
    const chunks: Buffer[] = [before];
    let position = before.length;
    const append = (chunk: Buffer): void => {
      chunks.push(chunk);
      position += chunk.length;
    };
    if (before[before.length - 1] !== 0x0a) append(Buffer.from('\n'));

    const written: Written[] = [];
    const bodyOffsets = new Map<number, number>();
    const appendObject = (objectNumber: number, body: Buffer): void => {
      const generation = this.#document.generationOf(objectNumber);
      written.push({ objectNumber, generation, offset: position - xref.base });
      append(Buffer.from(`${objectNumber} ${generation} obj\n`, 'latin1'));
      bodyOffsets.set(objectNumber, position);
      append(body);
      append(Buffer.from('\nendobj\n', 'latin1'));
    };
    const objects = [...this.#bodies].sort(([a], [b]) => a - b);
    for (const [objectNumber, body] of objects) appendObject(objectNumber, body);

    const startXref = position - xref.base;
    if (xref.manner === 'table') append(this.#table(written, objects));
    else appendXrefStream(this.#xrefStream(written, startXref, objects), append);
    append(Buffer.from(`startxref\n${startXref}\n%%EOF\n`, 'latin1'));
    return {
      bytes: Buffer.concat(chunks, position),
      bodyOffset: (reference) => {
        const offset = bodyOffsets.get(reference.objectNumber);
        if (offset === undefined) throw new RangeError('no such object in this revision');
        return offset;
      },
    };
  }

  #trailer(size: number, objects: readonly (readonly [number, Buffer])[]): Map<string, PdfValue> {
    const { trailer, startXref } = this.#document.xref;
    return dict({
      Size: size,
      Root: trailer.get('Root'),
      Info: trailer.get('Info'),
      ID: this.#fileIdentifier(objects),
      Prev: startXref,
    });
  }

  /** The first half names the document for good, the second this revision (14.4): here a digest of what it adds. */
  #fileIdentifier(objects: readonly (readonly [number, Buffer])[]): PdfValue {
    const hash = createHash('sha256').update(String(this.#document.bytes.length));
    for (const [objectNumber, body] of objects) hash.update(String(objectNumber)).update(body);
    const revision = new PdfString(hash.digest().subarray(0, 16));
    const known = this.#document.resolve(this.#document.xref.trailer.get('ID'));
    const first = Array.isArray(known) ? this.#document.resolve(known[0]) : undefined;
    return [first instanceof PdfString ? first : revision, revision];
  }

  #table(written: readonly Written[], objects: readonly (readonly [number, Buffer])[]): Buffer {
    let text = 'xref\n0 1\n0000000000 65535 f \n';
    for (const run of runs(written)) {
      text += `${run[0]?.objectNumber} ${run.length}\n`;
      for (const { offset, generation } of run) {
        text += `${String(offset).padStart(10, '0')} ${String(generation).padStart(5, '0')} n \n`;
      }
    }
    const trailer = this.#trailer(this.#nextObjectNumber, objects);
    return Buffer.from(`${text}trailer\n${serializeValue(trailer)}\n`, 'latin1');
  }

  #xrefStream(
    written: readonly Written[],
    offset: number,
    objects: readonly (readonly [number, Buffer])[],
  ): { objectNumber: number; body: Buffer } {
    const objectNumber = this.#nextObjectNumber;
    const all = [...written, { objectNumber, generation: 0, offset }];
    const rows = Buffer.alloc(all.length * 7);
    all.forEach((entry, index) => {
      rows.writeUInt8(1, index * 7);
      rows.writeUInt32BE(entry.offset, index * 7 + 1);
      rows.writeUInt16BE(entry.generation, index * 7 + 5);
    });
    const header = dict({
      Type: name('XRef'),
      W: [1, 4, 2],
      Index: runs(all).flatMap((run) => [run[0]?.objectNumber ?? 0, run.length]),
    });
    for (const [key, value] of this.#trailer(objectNumber + 1, objects)) header.set(key, value);
    return { objectNumber, body: serializeBody(new PdfStream(header, rows)) };
  }
}

function appendXrefStream(stream: { objectNumber: number; body: Buffer }, append: (chunk: Buffer) => void): void {
  append(Buffer.from(`${stream.objectNumber} 0 obj\n`, 'latin1'));
  append(stream.body);
  append(Buffer.from('\nendobj\n', 'latin1'));
}

/** Consecutive object numbers, together: the subsections of a cross-reference. */
function runs(written: readonly Written[]): Written[][] {
  const result: Written[][] = [];
  for (const entry of written) {
    const last = result.at(-1);
    if (last && last[0] && entry.objectNumber === last[0].objectNumber + last.length) last.push(entry);
    else result.push([entry]);
  }
  return result;
}
