import { Worker } from 'node:worker_threads';
import { DomainError } from '../../platform/errors.ts';
import type { DrawAnswer, DrawLimits, DrawRequest } from './protocol.ts';

/** Of JavaScript; what PDFium takes is bounded by `memoryBytesMax`. */
const HEAP_MEGABYTES_MAX = 256;

/** One thread that draws, and what it has open. It draws one page at a time and is ended where a page takes too long. */
export class DrawThread {
  readonly #worker: Worker;
  readonly #limits: { drawMsMax: number; idleMs: number };
  #answered: PromiseWithResolvers<DrawAnswer> | undefined;
  #lastId = 0;
  #idle: NodeJS.Timeout | undefined;
  openKeys: ReadonlySet<string> = new Set();
  isBusy = false;
  isDead = false;

  constructor(limits: DrawLimits & { drawMsMax: number; idleMs: number }, onEnd: () => void) {
    this.#limits = limits;
    const { openMax, pixelsMax, memoryBytesMax } = limits;
    this.#worker = new Worker(new URL('draw-thread.ts', import.meta.url), {
      workerData: { openMax, pixelsMax, memoryBytesMax } satisfies DrawLimits,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MEGABYTES_MAX },
      // Nothing of the environment, which holds secrets, is a page's business.
      env: {},
      execArgv: [],
      // PDFium's own words on a broken file are of no use to anybody.
      stdout: true,
      stderr: true,
    });
    this.#worker.stdout.resume();
    this.#worker.stderr.resume();
    this.#worker.unref();
    const die = (error: Error): void => {
      this.isDead = true;
      clearTimeout(this.#idle);
      this.#answered?.reject(new DomainError('page_unreadable', {}, { cause: error }));
      onEnd();
    };
    this.#worker.on('error', die);
    this.#worker.on('exit', (code) => die(new Error(`the thread ended with ${code}`)));
    this.#worker.on('message', (answer: DrawAnswer) => {
      if (answer.id !== this.#lastId) return;
      this.openKeys = new Set(answer.openKeys);
      if (answer.isSpoilt) void this.end();
      this.#answered?.resolve(answer);
    });
  }

  /** @throws DomainError `page_unreadable` where the thread ends before it answers; `isDead` is set then */
  async draw(request: Omit<DrawRequest, 'id'>): Promise<DrawAnswer> {
    if (this.isDead) throw new DomainError('page_unreadable', {}, { cause: new Error('the thread has ended') });
    clearTimeout(this.#idle);
    this.#answered = Promise.withResolvers<DrawAnswer>();
    const { promise } = this.#answered;
    this.#lastId += 1;
    this.#worker.ref();
    this.#worker.postMessage({ ...request, id: this.#lastId } satisfies DrawRequest, []);
    const timer = setTimeout(() => void this.end(), this.#limits.drawMsMax);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#worker.unref();
      if (!this.isDead) this.#idle = setTimeout(() => void this.end(), this.#limits.idleMs).unref();
    }
  }

  async end(): Promise<void> {
    this.isDead = true;
    await this.#worker.terminate();
  }
}
