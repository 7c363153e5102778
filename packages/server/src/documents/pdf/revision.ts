import { createHash } from 'node:crypto';
import type { AppendedRevision, PdfDocument } from './document.ts';
import { serializeBody, serializeValue } from './serialize.ts';
import { dict, name, PdfRef, PdfStream, PdfString } from './values.ts';
import type { PdfDict, PdfValue } from './values.ts';

type Written = AppendedRevision['objects'][number];

/**
 * One incremental update (7.5.6): objects that are new or replaced, appended to a file whose bytes stay as they are.
 * The cross-reference is written in the manner of the newest one of the file, a table after a table and a stream after
 * a stream.
 */
export class PdfRevision {
  readonly #document: PdfDocument;
  readonly #objects = new Map<number, { body: Buffer; value: PdfValue | undefined }>();
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
    const written = Buffer.isBuffer(value) ? { body: value, value: undefined } : { body: serializeBody(value), value };
    this.#objects.set(reference.objectNumber, written);
  }

  /**
   * Ends the revision: the bytes to append to the file, which the document has taken in. `bodyOffset` is where in them
   * an object's body begins, for those who fill a placeholder in afterwards.
   */
  finish(): { section: Buffer; bodyOffset: (reference: PdfRef) => number } {
    const { byteLength: start, xref, pieces } = this.#document;
    const chunks: Buffer[] = [];
    let length = 0;
    const append = (chunk: Buffer): void => {
      chunks.push(chunk);
      length += chunk.length;
    };
    if (pieces.at(-1)?.at(-1) !== 0x0a) append(Buffer.from('\n'));

    const written: Written[] = [];
    const bodyOffsets = new Map<number, number>();
    const objects = [...this.#objects].sort(([a], [b]) => a - b);
    for (const [objectNumber, { body, value }] of objects) {
      const generation = this.#document.generationOf(objectNumber);
      written.push({ objectNumber, generation, offset: start + length, value });
      append(Buffer.from(`${objectNumber} ${generation} obj\n`, 'latin1'));
      bodyOffsets.set(objectNumber, length);
      append(body);
      append(Buffer.from('\nendobj\n', 'latin1'));
    }

    const startXref = start + length;
    const size = xref.manner === 'table' ? this.#nextObjectNumber : this.#nextObjectNumber + 1;
    const trailer = this.#trailer(size);
    append(xref.manner === 'table' ? table(written, trailer) : xrefStream(written, startXref, size - 1, trailer));
    append(Buffer.from(`startxref\n${startXref}\n%%EOF\n`, 'latin1'));

    const section = Buffer.concat(chunks, length);
    this.#document.append(section, { objects: written, trailer, size, startXref });
    return {
      section,
      bodyOffset: (reference) => {
        const offset = bodyOffsets.get(reference.objectNumber);
        if (offset === undefined) throw new RangeError('no such object in this revision');
        return offset;
      },
    };
  }

  #trailer(size: number): PdfDict {
    const { trailer, startXref } = this.#document.xref;
    return dict({
      Size: size,
      Root: trailer.get('Root'),
      Info: trailer.get('Info'),
      ID: this.#fileIdentifier(),
      Prev: startXref,
    });
  }

  /** The first half names the document for good, the second this revision (14.4): here a digest of what it adds. */
  #fileIdentifier(): PdfValue {
    const hash = createHash('sha256').update(String(this.#document.byteLength));
    for (const [objectNumber, { body }] of this.#objects) hash.update(String(objectNumber)).update(body);
    const revision = new PdfString(hash.digest().subarray(0, 16));
    const known = this.#document.resolve(this.#document.xref.trailer.get('ID'));
    const first = Array.isArray(known) ? this.#document.resolve(known[0]) : undefined;
    return [first instanceof PdfString ? first : revision, revision];
  }
}

function table(written: readonly Written[], trailer: PdfDict): Buffer {
  let text = 'xref\n0 1\n0000000000 65535 f \n';
  for (const run of runs(written)) {
    text += `${run[0]?.objectNumber} ${run.length}\n`;
    for (const { offset, generation } of run) {
      text += `${String(offset).padStart(10, '0')} ${String(generation).padStart(5, '0')} n \n`;
    }
  }
  return Buffer.from(`${text}trailer\n${serializeValue(trailer)}\n`, 'latin1');
}

/** The stream lists itself, under the revision's last number. */
function xrefStream(written: readonly Written[], offset: number, objectNumber: number, trailer: PdfDict): Buffer {
  const all = [...written, { objectNumber, generation: 0, offset, value: undefined }];
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
  for (const [key, value] of trailer) header.set(key, value);
  return Buffer.concat([
    Buffer.from(`${objectNumber} 0 obj\n`, 'latin1'),
    serializeBody(new PdfStream(header, rows)),
    Buffer.from('\nendobj\n', 'latin1'),
  ]);
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
