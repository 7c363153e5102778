import { availableParallelism } from 'node:os';
import { DomainError } from '../../platform/errors.ts';
import type { SignatureTerms } from '../append-signatures.ts';
import type { PageSize, PdfCheck, PdfRefusal } from '../pdf-check.ts';
import { prepareSignatures, rehearsedSignatures } from '../pdf-signature.ts';
import type { PdfSignature } from '../pdf-signature.ts';
import type { ContentsMaker } from '../signature-placeholder.ts';
import type { Widget } from '../widgets.ts';
import { asBuffer, movable } from './messages.ts';
import { KnownPages } from './known-pages.ts';
import type { CallerMessage, PdfJob, PlacedSignatures, ThreadMessage } from './messages.ts';
import { ThreadLost, ThreadPool } from './thread-pool.ts';
import type { Conversation, ThreadLimits } from './thread-pool.ts';
import { createPdfUpgrades } from './pdf-upgrades.ts';
import type { PdfUpgrades } from './pdf-upgrades.ts';

type MaybePromise<T> = T | Promise<T>;
type FileLimits = { bytesMax: number; pagesMax?: number };

/** Who makes the signatures of an act, or says who does once their number is known. */
type ActSigner = ContentsMaker | ((signatures: number) => ContentsMaker);

/** A file to be signed, in one act. */
export type SigningJob = SignatureTerms & {
  /** Taken over: its memory is moved to the thread, and the Buffer is empty from then on. */
  pdf: Buffer;
  /** That the file should have, in hexadecimal, where it comes from a store unchecked. */
  sha256?: string;
  signer: ActSigner;
  limits: FileLimits;
  /** The signatures, now that the sizes of the pages are known. */
  place: (pages: readonly PageSize[]) => MaybePromise<readonly PdfSignature[]>;
};

/** The signed file as pieces that follow one another, the first of them the file as it was. */
export type SignedPdf = {
  pieces: readonly Buffer[];
  /** Of all pieces together, in hexadecimal. */
  sha256: string;
  /** Gives the memory of the pieces back at once: the next file need not wait for a collection. They are empty then. */
  release(): void;
};

export type RehearsalJob = {
  /** Taken over, as that of a `SigningJob`; the answer has it again. */
  pdf: Buffer;
  limits: FileLimits;
  /** What the file may grow to by its signatures. */
  grownBytesMax: number;
  /** Where signatures are to stand, or null where that alone says that nothing comes of it. */
  place: (pages: readonly PageSize[]) => Promise<readonly Widget[] | null>;
};

/** `pdf` has the bytes again, unless the file has ended the thread. */
export type Rehearsal = { pdf: Buffer; refusal: PdfRefusal | undefined; /** For the log. */ cause?: unknown };

/**
 * Work on PDFs, on threads of their own: a file of 50 MB holds up nobody, and one that takes a thread with it takes
 * nothing else. Each file is moved to its thread and back, never copied, and is opened once for each act. Private keys
 * stay with the caller: the thread names the digest, and is given the signature over it.
 */
export interface PdfWork {
  /**
   * Signs a file several times in one act (`signPdfPages`).
   * @throws DomainError with a `PdfRefusal` as its code, or `field_name_taken`, `field_name_invalid`, `page_missing`,
   *   `stored_file_damaged`, `pdf_threads_busy`; and whatever `place` and the signer throw
   */
  sign(job: SigningJob): Promise<SignedPdf>;
  /**
   * Whether a file can be signed, and would still be readable with all signatures that are to come (`signingRefusal`).
   * @throws DomainError `pdf_threads_busy`; and whatever `place` throws
   */
  rehearse(job: RehearsalJob): Promise<Rehearsal>;
  /**
   * As `checkPdf`, on a thread; the bytes are taken over.
   * @throws DomainError `pdf_threads_busy`
   */
  check(pdf: Buffer, limits: FileLimits): Promise<PdfCheck>;
  /** What comes after signing: evidence and timestamps. */
  readonly upgrades: PdfUpgrades;
  /** Ends what is under way. */
  close(): Promise<void>;
}

const THREADS_MAX = 4;
const DEFAULT_LIMITS: ThreadLimits = {
  threads: Math.min(THREADS_MAX, availableParallelism()),
  queueMax: 64,
  turnMs: 60_000,
  startMs: 60_000,
  heapMbMax: 512,
};

export function createPdfThreads(limits: Partial<ThreadLimits> = {}): PdfWork {
  const pool = new ThreadPool({ ...DEFAULT_LIMITS, ...limits });
  const known = new KnownPages();
  const run = (terms: Terms) => pool.run((thread) => converse(thread, terms, known)).catch(refuseBomb);

  return {
    async sign({ pdf, sha256, signer, limits, place, ...terms }) {
      const grownBytesMax = limits.bytesMax;
      const moved = movable(pdf);
      const expected = sha256 === undefined ? {} : { sha256 };
      const job: PdfJob = { kind: 'sign', pdf: moved, limits, grownBytesMax, terms, ...expected };
      const ended = await run({ job, place, signer });
      if (ended.kind !== 'done') throw errorOf(ended);
      const { pieces } = ended;
      const release = (): void => {
        for (const { buffer } of pieces) if (!buffer.detached) buffer.transfer(0);
      };
      return { pieces: pieces.map(asBuffer), sha256: ended.sha256, release };
    },

    rehearse,

    async check(pdf, limits) {
      let found: readonly PageSize[] = [];
      const place = async (pages: readonly PageSize[]): Promise<null> => {
        found = pages;
        return null;
      };
      const { refusal, cause } = await rehearse({ pdf, limits, grownBytesMax: limits.bytesMax, place });
      return refusal === undefined ? { ok: true, pages: found } : { ok: false, reason: refusal, cause };
    },

    upgrades: createPdfUpgrades(
      (job) => pool.run((thread) => thread.ask({ kind: 'upgrade', job }, [job.pdf.buffer])).catch(refuseBomb),
      errorOf,
    ),

    close: () => pool.close(),
  };

  async function rehearse({ pdf, limits, grownBytesMax, place }: RehearsalJob): Promise<Rehearsal> {
    const job: PdfJob = { kind: 'rehearse', pdf: movable(pdf), limits, grownBytesMax };
    const places = async (pages: readonly PageSize[]) => {
      const widgets = await place(pages);
      return widgets && rehearsedSignatures(widgets);
    };
    const ended = await run({ job, place: places });
    if (ended.kind === 'done') return { pdf: asBuffer(ended.pieces[0] ?? new Uint8Array()), refusal: undefined };
    if (ended.kind === 'abandoned') return { pdf: asBuffer(ended.pdf), refusal: undefined };
    if (ended.kind !== 'refused') throw errorOf(ended);
    return { pdf: asBuffer(ended.pdf), refusal: ended.code as PdfRefusal, cause: ended.detail };
  }
}

type Place = (pages: readonly PageSize[]) => MaybePromise<readonly PdfSignature[] | null>;
type Terms = { job: PdfJob; place: Place; signer?: ActSigner };

/** One job from its beginning to its end. */
async function converse(
  thread: Conversation,
  { job, place, signer }: Terms,
  known: KnownPages,
): Promise<ThreadMessage> {
  const sha256 = job.kind === 'sign' ? job.sha256 : undefined;
  let pages = sha256 === undefined ? undefined : known.get(sha256);
  let act = pages && (await actOf(pages, place, signer));
  const begun: CallerMessage = { kind: 'begin', job, ...(act && { placed: act.placed }) };
  let said = await thread.ask(begun, [job.pdf.buffer]);
  if (said.kind === 'opened') {
    pages = said.pages;
    act = await actOf(pages, place, signer);
    said = await thread.ask(act?.placed ?? { kind: 'abandoned' });
  }
  while (said.kind === 'digest') {
    if (!act?.maker) throw new Error('a rehearsal asks for no signature');
    const der = await act.maker.signDetached(asBuffer(said.digest));
    said = await thread.ask({ kind: 'contents', der: new Uint8Array(der) });
  }
  if (said.kind === 'done' && pages && sha256 !== undefined) {
    known.set(sha256, pages);
    known.set(said.sha256, pages);
  }
  return said;
}

/** Null where nothing comes of the job. */
async function actOf(
  pages: readonly PageSize[],
  place: Place,
  signer: ActSigner | undefined,
): Promise<{ placed: PlacedSignatures; maker: ContentsMaker | undefined } | null> {
  const signatures = await place(pages);
  if (signatures === null) return null;
  const maker = typeof signer === 'function' ? signer(signatures.length) : signer;
  const prepared = await prepareSignatures(signatures);
  const { digestAlgorithm = 'sha256', signatureBytesMax = 0 } = maker ?? {};
  return { placed: { kind: 'placed', prepared, digestAlgorithm, signatureBytesMax }, maker };
}

/** A file that ended its thread, by its time or its memory, is refused; nobody else is any the worse for it. */
function refuseBomb(error: unknown): ThreadMessage {
  if (!(error instanceof ThreadLost) || !error.isByFile) throw error;
  return { kind: 'refused', code: 'too_complex', params: {}, detail: error.message, pdf: new Uint8Array() };
}

function errorOf(ended: ThreadMessage): Error {
  if (ended.kind === 'refused') {
    const cause = ended.detail === undefined ? {} : { cause: new Error(ended.detail) };
    return new DomainError(ended.code, { ...ended.params }, cause);
  }
  return new Error(`a thread ended a job as ${ended.kind}${ended.kind === 'failed' ? `: ${ended.detail}` : ''}`);
}
