import { Worker } from 'node:worker_threads';
import { DomainError } from '../../platform/errors.ts';
import type { CallerMessage, ThreadMessage } from './messages.ts';

export interface ThreadLimits {
  readonly threads: number;
  /** Jobs that wait for a thread; one more is turned away. */
  readonly queueMax: number;
  /** How long a thread may work until its next word. */
  readonly turnMs: number;
  readonly startMs: number;
  /** Of a thread's own objects; the bytes of files are not among them. */
  readonly heapMbMax: number;
}

/** The thread did not come back. */
export class ThreadLost extends Error {
  override readonly name = 'ThreadLost';
  /** Whether the file did it, by its time or its memory. */
  readonly isByFile: boolean;

  constructor(message: string, isByFile: boolean) {
    super(message);
    this.isByFile = isByFile;
  }
}

/** A thread, as long as one job has it. */
export interface Conversation {
  /**
   * Says something to the thread and hears its answer. `moved` is no longer the caller's.
   * @throws ThreadLost
   */
  ask(message: CallerMessage, moved?: readonly ArrayBuffer[]): Promise<ThreadMessage>;
}

/** Threads for PDFs, started when they are needed, and replaced where a file has ended one. */
export class ThreadPool {
  readonly #limits: ThreadLimits;
  readonly #all = new Set<PdfThread>();
  readonly #idle: PdfThread[] = [];
  readonly #waiting: { resolve: (thread: PdfThread) => void; reject: (error: Error) => void }[] = [];
  #isClosed = false;

  constructor(limits: ThreadLimits) {
    this.#limits = limits;
  }

  /**
   * Gives a thread to `converse` for as long as it takes.
   * @throws DomainError `pdf_threads_busy`, `pdf_threads_closed`
   */
  async run<T>(converse: (conversation: Conversation) => Promise<T>): Promise<T> {
    const thread = await this.#take();
    try {
      return await converse(thread);
    } catch (error) {
      // Whatever went wrong, it may still be at work on this job: it must not hear the next one's words.
      await thread.end();
      throw error;
    } finally {
      this.#give(thread);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(new DomainError('pdf_threads_closed'));
    await Promise.all([...this.#all].map((thread) => thread.end()));
  }

  async #take(): Promise<PdfThread> {
    if (this.#isClosed) throw new DomainError('pdf_threads_closed');
    const idle = this.#idle.pop();
    if (idle) return idle;
    if (this.#all.size < this.#limits.threads) {
      const thread = new PdfThread(this.#limits);
      this.#all.add(thread);
      return thread;
    }
    if (this.#waiting.length >= this.#limits.queueMax) throw new DomainError('pdf_threads_busy');
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #give(thread: PdfThread): void {
    const next = this.#waiting.shift();
    if (next) next.resolve(thread);
    else this.#idle.push(thread);
  }
}

/** One thread under its place in the pool: it may be ended and started any number of times. */
class PdfThread implements Conversation {
  readonly #limits: ThreadLimits;
  #worker: Worker | null = null;
  #answer: PromiseWithResolvers<ThreadMessage> | null = null;

  constructor(limits: ThreadLimits) {
    this.#limits = limits;
  }

  async ask(message: CallerMessage, moved: readonly ArrayBuffer[] = []): Promise<ThreadMessage> {
    const worker = this.#worker ?? (await this.#start());
    const answer = this.#awaitAnswer(worker, this.#limits.turnMs, true);
    worker.postMessage(message, moved);
    return answer;
  }

  async end(): Promise<void> {
    const worker = this.#worker;
    this.#lose('it was ended', false);
    await worker?.terminate();
  }

  async #start(): Promise<Worker> {
    const worker = new Worker(new URL('pdf-thread.ts', import.meta.url), {
      execArgv: ['--import','/tmp/g/preload.mjs'],
      resourceLimits: { maxOldGenerationSizeMb: this.#limits.heapMbMax },
    });
    this.#worker = worker;
    worker.on('message', (message: ThreadMessage) => {
      const answer = this.#answer;
      this.#answer = null;
      // An idle thread keeps no process alive.
      worker.unref();
      answer?.resolve(message);
    });
    worker.on('error', (error: Error & { code?: string }) => {
      if (this.#worker === worker) this.#lose(error.message, error.code === 'ERR_WORKER_OUT_OF_MEMORY');
    });
    worker.on('exit', () => {
      if (this.#worker === worker) this.#lose('it has ended', false);
    });
    await this.#awaitAnswer(worker, this.#limits.startMs, false);
    return worker;
  }

  async #awaitAnswer(worker: Worker, ms: number, isByFile: boolean): Promise<ThreadMessage> {
    const answer = Promise.withResolvers<ThreadMessage>();
    this.#answer = answer;
    worker.ref();
    const giveUp = (): void => {
      this.#lose(`silent for ${ms} ms`, isByFile);
      void worker.terminate();
    };
    // In two halves: a process that was stopped for a while finds one of them over, and not its thread guilty.
    let timer = setTimeout(() => {
      timer = setTimeout(giveUp, ms / 2);
    }, ms / 2);
    try {
      return await answer.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  #lose(why: string, isByFile: boolean): void {
    this.#worker = null;
    this.#answer?.reject(new ThreadLost(why, isByFile));
    this.#answer = null;
  }
}
