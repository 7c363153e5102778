/** A thread that works on PDFs, one job after the other: see `PdfThreads`. */
import { parentPort } from 'node:worker_threads';
import { DomainError } from '../../platform/errors.ts';
import { appendSignatures } from '../append-signatures.ts';
import { openSignablePdf } from '../pdf-check.ts';
import type { SignablePdf } from '../pdf-check.ts';
import { seenSize } from '../pdf/pages.ts';
import { rehearse } from '../pdf-signature.ts';
import { PrefixDigest } from '../prefix-digest.ts';
import { asBuffer, movable } from './messages.ts';
import type { CallerMessage, PdfJob, PlacedSignatures, ThreadMessage, UpgradeJob } from './messages.ts';
import { upgradeWork } from './upgrade-work.ts';

const port = parentPort;
if (port === null) throw new Error('this file is the code of a thread');
let answered: (message: CallerMessage) => void = () => undefined;
port.on('message', (message: CallerMessage) => {
  if (message.kind === 'begin') void run(message.job, () => work(message.job, message.placed));
  else if (message.kind === 'upgrade') void run(message.job, () => upgradeWork(message.job));
  else answered(message);
});
port.postMessage({ kind: 'ready' } satisfies ThreadMessage);

/** Tells the caller, and hears what it answers. */
function ask(message: ThreadMessage): Promise<CallerMessage> {
  return new Promise((resolve) => {
    answered = resolve;
    port?.postMessage(message);
  });
}

async function run(job: PdfJob | UpgradeJob, doWork: () => Promise<Ended>): Promise<void> {
  const { message, moved } = await doWork().catch((error: unknown) => {
    const ended: ThreadMessage =
      error instanceof DomainError
        ? { kind: 'refused', code: error.code, params: error.params, detail: detailOf(error.cause), pdf: job.pdf }
        : { kind: 'failed', detail: detailOf(error) ?? '' };
    return { message: ended, moved: ended.kind === 'refused' ? [job.pdf] : [] };
  });
  port?.postMessage(
    message,
    moved.map(({ buffer }) => buffer),
  );
}

type Ended = { message: ThreadMessage; moved: readonly Uint8Array<ArrayBuffer>[] };

async function work(job: PdfJob, known: PlacedSignatures | undefined): Promise<Ended> {
  const pdf = asBuffer(job.pdf);
  const digest = new PrefixDigest();
  if (job.kind === 'sign') {
    await digest.extend(pdf);
    const isDamaged = job.sha256 !== undefined && digest.digestWith().toString('hex') !== job.sha256;
    if (isDamaged) throw new DomainError('stored_file_damaged');
  }
  const source = openSignablePdf(pdf, job.limits);
  const placed = known ?? (await ask({ kind: 'opened', pages: source.pages.map(seenSize) }));
  if (placed.kind !== 'placed') return { message: { kind: 'abandoned', pdf: job.pdf }, moved: [job.pdf] };
  if (job.kind === 'sign') return sign(job, source, placed, digest);
  await rehearse(source, placed.prepared, { bytesMax: job.grownBytesMax });
  return { message: { kind: 'done', pieces: [job.pdf], sha256: '' }, moved: [job.pdf] };
}

/** `digest` covers the file; it is SHA-256, by which files are known, whatever their signatures are over. */
async function sign(
  job: Extract<PdfJob, { kind: 'sign' }>,
  source: SignablePdf,
  { prepared, digestAlgorithm, signatureBytesMax }: PlacedSignatures,
  digest: PrefixDigest,
): Promise<Ended> {
  const signer = {
    signatureBytesMax,
    async signDetached(covered: Buffer): Promise<Buffer> {
      const contents = await ask({ kind: 'digest', digest: new Uint8Array(covered) });
      if (contents.kind !== 'contents') throw new Error(`a signature was awaited, and ${contents.kind} came`);
      return asBuffer(contents.der);
    },
  };
  const signed = digestAlgorithm === 'sha256' ? digest : new PrefixDigest(digestAlgorithm);
  if (signed !== digest) await signed.extend(asBuffer(job.pdf));
  const digests = {
    digestWith: (...tail: readonly Uint8Array[]) => signed.digestWith(...tail),
    async extend(section: Uint8Array) {
      await signed.extend(section);
      if (signed !== digest) await digest.extend(section);
    },
  };
  await appendSignatures(source, job.terms, prepared, signer, { bytesMax: job.grownBytesMax, digest: digests });
  const pieces = source.document.pieces.map(movable);
  return { message: { kind: 'done', pieces, sha256: digest.digestWith().toString('hex') }, moved: pieces };
}

function detailOf(error: unknown): string | undefined {
  if (error === undefined) return undefined;
  return error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(error);
}
