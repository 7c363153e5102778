import { isMarkedAsUntransferable, Worker } from 'node:worker_threads';
import type { Clock } from '../platform/clock.ts';
import { DomainError } from '../platform/errors.ts';
import type { AnchorSource } from './certificate-path.ts';
import type { ThreadAnswer, ThreadRequest } from './examine-thread.ts';
import type { ValidationReport } from './report.ts';

/**
 * Why a file cannot be validated:
 * - `not_a_pdf`, `too_large`
 * - `damaged`: it cannot be read as the PDF it claims to be, or takes more work than any honest file
 * - `encrypted`: what is signed cannot be read without a password
 * - `too_complex`: it took more than its time or memory
 * - `validation_busy`: too many at once
 */
export type ValidationErrorCode =
  | 'not_a_pdf'
  | 'too_large'
  | 'damaged'
  | 'encrypted'
  | 'too_complex'
  | 'validation_busy';

export type ValidationLimits = {
  bytesMax: number;
  /** At once; each has a thread and its memory. */
  threads: number;
  /** Files that wait for a thread. */
  queueMax: number;
  timeMs: number;
  heapMbMax: number;
};

/** A contract of 50 MB has grown by its signatures when it comes back. */
export const VALIDATION_LIMITS: ValidationLimits = {
  bytesMax: 64 * 1024 * 1024,
  threads: 2,
  queueMax: 8,
  timeMs: 30_000,
  heapMbMax: 512,
};

export type Validation = {
  /**
   * What can be said of each signature of a file. The bytes are moved away from the caller and kept nowhere.
   *
   * @throws DomainError with a `ValidationErrorCode`
   */
  validate(pdf: Uint8Array<ArrayBuffer>): Promise<ValidationReport>;
  close(): Promise<void>;
};

export type ValidationOptions = {
  clock: Clock;
  /** Roots to trust, DER. */
  anchors: () => Promise<readonly { der: Uint8Array; source: AnchorSource }[]>;
  /** Revocation lists that are known beside the file, DER. */
  crls?: () => Promise<readonly Uint8Array[]>;
  limits?: Partial<ValidationLimits>;
};

/**
 * Validates on threads of its own: a file may loop, inflate or nest as it likes, it spends no more than its time and its
 * memory, and nobody else waits for it.
 */
export function createValidation({ clock, anchors, crls, limits: given }: ValidationOptions): Validation {
  const limits = { ...VALIDATION_LIMITS, ...given };
  const idle: Worker[] = [];
  const all = new Set<Worker>();
  const waiting: (() => void)[] = [];
  let busy = 0;

  async function turn(): Promise<void> {
    if (busy < limits.threads) {
      busy += 1;
      return;
    }
    if (waiting.length >= limits.queueMax) throw new DomainError<ValidationErrorCode>('validation_busy');
    // Whoever ends hands its turn over, so that nobody takes it in between.
    await new Promise<void>((resolve) => waiting.push(resolve));
  }

  function endTurn(): void {
    const next = waiting.shift();
    if (next) next();
    else busy -= 1;
  }

  function worker(): Worker {
    const ready = idle.pop();
    if (ready) return ready;
    const made = new Worker(new URL('examine-thread.ts', import.meta.url), {
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: limits.heapMbMax },
    });
    all.add(made);
    made.once('exit', () => all.delete(made));
    return made;
  }

  async function work(request: ThreadRequest): Promise<ThreadAnswer> {
    const thread = worker();
    thread.ref();
    const answer = await answerOf(thread, request, limits.timeMs);
    if (answer === 'lost') {
      await thread.terminate();
      throw new DomainError<ValidationErrorCode>('too_complex');
    }
    // An idle thread keeps no process alive.
    thread.unref();
    idle.push(thread);
    return answer;
  }

  return {
    async validate(pdf) {
      if (pdf.byteLength > limits.bytesMax) {
        throw new DomainError<ValidationErrorCode>('too_large', { bytesMax: String(limits.bytesMax) });
      }
      const known = { anchors: await anchors(), crls: (await crls?.()) ?? [], now: clock.now() };
      await turn();
      try {
        const answer = await work({ ...known, pdf: movable(pdf) });
        if (answer.kind === 'report') return answer.report;
        if (answer.kind === 'refused') throw new DomainError(answer.code);
        throw new Error(answer.detail);
      } finally {
        endTurn();
      }
    },

    async close() {
      await Promise.all([...all].map((thread) => thread.terminate()));
    },
  };
}

async function answerOf(thread: Worker, request: ThreadRequest, timeMs: number): Promise<ThreadAnswer | 'lost'> {
  const { promise, resolve } = Promise.withResolvers<ThreadAnswer | 'lost'>();
  const lose = (): void => resolve('lost');
  const timer = setTimeout(lose, timeMs);
  // Out of memory, or ended by something else.
  thread.once('error', lose).once('exit', lose).once('message', resolve);
  thread.postMessage(request, [request.pdf.buffer]);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    thread.off('error', lose).off('exit', lose).off('message', resolve);
  }
}

/** Bytes in memory of their own. A short Buffer shares its memory with others. */
function movable(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength } = bytes;
  const isOwn = buffer.byteLength === byteLength && !isMarkedAsUntransferable(buffer);
  return isOwn ? new Uint8Array(buffer) : new Uint8Array(bytes);
}
