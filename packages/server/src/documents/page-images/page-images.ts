import { createHash } from 'node:crypto';
import { DomainError } from '../../platform/errors.ts';
import { DrawThread } from './thread.ts';
import type { DrawAnswer, DrawFault, DrawLimits, PageImage } from './protocol.ts';

export type { PageImage } from './protocol.ts';

/** A document to draw pages of: its bytes, or how to get them should no thread have it open. */
export type PageSource = Buffer | { readonly key: string; read(): Promise<Buffer> };

/** `page_images_busy`: too many pages wait to be drawn. */
export type PageImageErrorCode = DrawFault | 'page_images_busy';

export interface PageImages {
  /**
   * A page as it is seen, with its seals, `widthPixels` wide where limits allow. A paletted PNG, or a JPEG where the page
   * is a picture. `key` of the source names its bytes for good: a SHA-256, say.
   *
   * @throws DomainError with a `PageImageErrorCode`
   */
  render(wanted: {
    pdf: PageSource;
    /** From 1. */
    page: number;
    widthPixels: number;
    /** A PNG whatever it takes: of a page that is a picture it is several times as long. */
    pngOnly?: boolean;
  }): Promise<PageImage>;
  /** Ends the threads. What waits is refused. */
  close(): Promise<void>;
}

export interface PageImageLimits extends DrawLimits {
  readonly threadsMax: number;
  /** A page that takes longer ends its thread. */
  readonly drawMsMax: number;
  readonly waitingMax: number;
  /** Of images kept for those who ask again. */
  readonly cacheBytesMax: number;
  /** A thread that draws nothing for so long is ended, and its memory goes. */
  readonly idleMs: number;
  readonly widthPixelsMax: number;
}

export const PAGE_IMAGE_LIMITS: PageImageLimits = {
  threadsMax: 2,
  drawMsMax: 10_000,
  waitingMax: 200,
  cacheBytesMax: 64 * 1024 * 1024,
  idleMs: 60_000,
  widthPixelsMax: 2_400,
  openMax: 4,
  pixelsMax: 8_000_000,
  memoryBytesMax: 512 * 1024 * 1024,
};

/** Pages that ended a thread: not tried again while they are remembered. */
const DEADLY_MAX = 1_000;
/** A document with so many of them is not opened again. */
const DEADLY_PAGES_MAX = 3;
/** How often a task lets others go before it whose document is open. */
const PASSED_OVER_MAX = 8;

interface Task {
  readonly name: string;
  readonly key: string;
  readonly page: number;
  readonly widthPixels: number;
  readonly pngOnly: boolean;
  readonly read: () => Promise<Buffer>;
  readonly settled: PromiseWithResolvers<PageImage>;
  passedOver: number;
}

/** Draws pages of PDFs in threads of their own, so that no document holds up the service or takes it down. */
export function createPageImages(changed: Partial<PageImageLimits> = {}): PageImages {
  const limits = { ...PAGE_IMAGE_LIMITS, ...changed };
  const cache = new ImageCache(limits.cacheBytesMax);
  const deadly = new Set<string>();
  const deadlyPages = new Map<string, number>();
  const underWay = new Map<string, Promise<PageImage>>();
  const threads = new Set<DrawThread>();
  let waiting: Task[] = [];
  let isClosed = false;

  /** The task to draw next in this thread: one whose document it has open, else the one that waits longest. */
  function nextFor(thread: DrawThread): Task | undefined {
    const [first] = waiting;
    if (first === undefined) return undefined;
    const open = first.passedOver < PASSED_OVER_MAX && waiting.find(({ key }) => thread.openKeys.has(key));
    const task = open || first;
    if (task !== first) first.passedOver += 1;
    waiting = waiting.filter((other) => other !== task);
    return task;
  }

  function freeThread(): DrawThread | undefined {
    const free = [...threads].filter((thread) => !thread.isBusy);
    const fitting = free.find(({ openKeys }) => waiting.some(({ key }) => openKeys.has(key))) ?? free[0];
    if (fitting !== undefined || threads.size >= limits.threadsMax) return fitting;
    const made = new DrawThread(limits, () => threads.delete(made));
    threads.add(made);
    return made;
  }

  function dispatch(): void {
    while (waiting.length > 0) {
      const thread = freeThread();
      const task = thread && nextFor(thread);
      if (!thread || !task) return;
      thread.isBusy = true;
      void run(thread, task).finally(() => {
        thread.isBusy = false;
        if (thread.isDead) threads.delete(thread);
        dispatch();
      });
    }
  }

  async function run(thread: DrawThread, task: Task): Promise<void> {
    const { name, key, page, widthPixels, pngOnly, read, settled } = task;
    try {
      const pdf = thread.openKeys.has(key) ? undefined : await read();
      const answer = await thread.draw({ key, page, widthPixels, pngOnly, ...(pdf && { pdf }) });
      if (answer.isSpoilt) noteDeadly(name, key);
      const image = imageOf(answer);
      cache.put(name, image);
      settled.resolve(image);
    } catch (error) {
      if (thread.isDead && !isClosed) noteDeadly(name, key);
      settled.reject(error);
    }
  }

  function noteDeadly(name: string, key: string): void {
    remember(deadly, name);
    deadlyPages.set(key, (deadlyPages.get(key) ?? 0) + 1);
    const [oldest] = deadlyPages.keys();
    if (oldest !== undefined && deadlyPages.size > DEADLY_MAX) deadlyPages.delete(oldest);
  }

  function enqueue(task: Omit<Task, 'settled' | 'passedOver'>): Promise<PageImage> {
    if (isClosed || waiting.length >= limits.waitingMax) return Promise.reject(refused('page_images_busy', 'too many'));
    const settled = Promise.withResolvers<PageImage>();
    waiting.push({ ...task, settled, passedOver: 0 });
    dispatch();
    return settled.promise;
  }

  return {
    async render({ pdf, page, widthPixels, pngOnly = false }) {
      const key = Buffer.isBuffer(pdf) ? createHash('sha256').update(pdf).digest('hex') : pdf.key;
      const read = Buffer.isBuffer(pdf) ? () => Promise.resolve(pdf) : () => pdf.read();
      const width = Math.min(Math.max(1, Math.round(widthPixels)), limits.widthPixelsMax);
      const name = `${key}/${page}/${width}${pngOnly ? '/png' : ''}`;
      const cached = cache.get(name);
      if (cached) return cached;
      if (deadly.has(name) || (deadlyPages.get(key) ?? 0) >= DEADLY_PAGES_MAX) {
        throw refused('page_unreadable', 'it ended a thread before');
      }
      const known = underWay.get(name);
      if (known) return known;
      const made = enqueue({ name, key, page, widthPixels: width, pngOnly, read }).finally(() => underWay.delete(name));
      underWay.set(name, made);
      return made;
    },
    async close() {
      isClosed = true;
      for (const { settled } of waiting) settled.reject(refused('page_images_busy', 'the service stops'));
      waiting = [];
      await Promise.all([...threads].map((thread) => thread.end()));
    },
  };
}

function imageOf(answer: DrawAnswer): PageImage {
  if (!answer.ok) throw refused(answer.fault, answer.reason);
  const { bytes, ...image } = answer.image;
  return { ...image, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

function refused(code: PageImageErrorCode, reason: string): DomainError<PageImageErrorCode> {
  return new DomainError(code, {}, { cause: new Error(reason) });
}

function remember(names: Set<string>, name: string): void {
  const [oldest] = names;
  if (oldest !== undefined && names.size >= DEADLY_MAX) names.delete(oldest);
  names.add(name);
}

/** Images used last, as many as fit. */
class ImageCache {
  readonly #images = new Map<string, PageImage>();
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get(name: string): PageImage | undefined {
    const image = this.#images.get(name);
    if (image === undefined) return undefined;
    this.#images.delete(name);
    this.#images.set(name, image);
    return image;
  }

  put(name: string, image: PageImage): void {
    const before = this.#images.get(name);
    if (before !== undefined) this.#bytes -= before.bytes.length;
    this.#images.delete(name);
    this.#images.set(name, image);
    this.#bytes += image.bytes.length;
    for (const [oldest, { bytes }] of this.#images) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#images.delete(oldest);
      this.#bytes -= bytes.length;
    }
  }
}
