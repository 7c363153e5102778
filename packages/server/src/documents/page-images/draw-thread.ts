/** The thread that draws pages: PDFium in WebAssembly, one page after the other. It is ended when it takes too long. */
import { parentPort, workerData } from 'node:worker_threads';
import type { PDFiumDocument, PDFiumLibrary } from '@hyzyla/pdfium';
import { encodeJpeg } from './jpeg.ts';
import { encodePng, encodeTrueColourPng } from './png.ts';
import type { DrawAnswer, DrawFault, DrawLimits, DrawRequest } from './protocol.ts';

class Undrawable extends Error {
  readonly fault: DrawFault;

  constructor(fault: DrawFault, reason: string) {
    super(reason);
    this.fault = fault;
  }
}

const limits = workerData as DrawLimits;
const WASM_PAGE_BYTES = 65_536;

interface GrowingMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
const { Memory } = (globalThis as unknown as { WebAssembly: { Memory: { prototype: GrowingMemory } } }).WebAssembly;

/** PDFium cannot be trusted after it ran out of memory or stopped in its tracks: the thread is to be ended. */
let isSpoilt = false;

/** WebAssembly has no limit of a program's own: growing beyond ours fails as it does when the machine has no more. */
function boundMemory(bytesMax: number): void {
  const grow = Object.getOwnPropertyDescriptor(Memory.prototype, 'grow')?.value as (
    this: GrowingMemory,
    pages: number,
  ) => number;
  Memory.prototype.grow = function bounded(this: GrowingMemory, pages: number): number {
    if (this.buffer.byteLength + pages * WASM_PAGE_BYTES > bytesMax) {
      isSpoilt = true;
      throw new RangeError('no more memory for a page');
    }
    return grow.call(this, pages);
  };
}

let library: Promise<PDFiumLibrary> | undefined;
/** The least recently used first. */
const open = new Map<string, PDFiumDocument>();

async function documentOf({ key, pdf }: DrawRequest): Promise<PDFiumDocument> {
  const known = open.get(key);
  if (known) {
    open.delete(key);
    open.set(key, known);
    return known;
  }
  if (pdf === undefined) throw new Undrawable('page_unreadable', 'the document is not open');
  for (const [oldest, document] of open) {
    if (open.size < limits.openMax) break;
    open.delete(oldest);
    document.destroy();
  }
  library ??= import('@hyzyla/pdfium').then(({ PDFiumLibrary }) => PDFiumLibrary.init());
  const document = await (await library).loadDocument(pdf);
  open.set(key, document);
  return document;
}

async function draw(request: DrawRequest): Promise<Extract<DrawAnswer, { ok: true }>['image']> {
  const document = await documentOf(request);
  if (request.page < 1 || request.page > document.getPageCount()) {
    throw new Undrawable('page_missing', `there is no page ${request.page}`);
  }
  const page = document.getPage(request.page - 1);
  const { originalWidth, originalHeight } = page.getOriginalSize();
  if (!(originalWidth > 0 && originalHeight > 0)) throw new Undrawable('page_unreadable', 'the page has no size');
  const wanted = request.widthPixels;
  const fitting = Math.sqrt((limits.pixelsMax * originalWidth) / originalHeight);
  const width = Math.max(1, Math.floor(Math.min(wanted, fitting)));
  const height = Math.max(1, Math.min(Math.round((width * originalHeight) / originalWidth), limits.pixelsMax));
  const drawn = await page.render({ width, height, render: 'bitmap', renderFormFields: true });
  const bitmap = { width, height, rgba: drawn.data };
  const png = encodePng(bitmap) ?? (request.pngOnly ? encodeTrueColourPng(bitmap) : undefined);
  if (png !== undefined && request.pngOnly) return { contentType: 'image/png', bytes: png, width, height };
  // Scans and photographs: a PNG of theirs is several times as long.
  const isLong = png === undefined || png.length > (width * height) / 8;
  const jpeg = isLong ? encodeJpeg(bitmap) : undefined;
  if (jpeg !== undefined && (png === undefined || jpeg.length < png.length)) {
    return { contentType: 'image/jpeg', bytes: jpeg, width, height };
  }
  if (png === undefined) throw new Undrawable('page_unreadable', 'the page cannot be encoded');
  return { contentType: 'image/png', bytes: png, width, height };
}

async function answer(request: DrawRequest): Promise<DrawAnswer> {
  const { id } = request;
  try {
    const image = await draw(request);
    return { id, ok: true, image, openKeys: [...open.keys()], isSpoilt };
  } catch (error) {
    const fault = error instanceof Undrawable ? error.fault : 'page_unreadable';
    const reason = error instanceof Error ? error.message : String(error);
    // A trap, or an abort of its own.
    if (error instanceof Error && (error.name === 'RuntimeError' || error instanceof RangeError)) isSpoilt = true;
    return { id, ok: false, fault, reason, openKeys: [...open.keys()], isSpoilt };
  }
}

boundMemory(limits.memoryBytesMax);
// One at a time: the service sends the next when this one is answered.
parentPort?.on(
  'message',
  (request: DrawRequest) => void answer(request).then((said) => parentPort?.postMessage(said, [])),
);
