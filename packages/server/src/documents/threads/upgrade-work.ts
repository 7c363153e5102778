import { appendDocumentTimestamp } from '../document-timestamp.ts';
import { readSignatures } from '../signatures.ts';
import { appendValidationData } from '../validation-data.ts';
import { asBuffer, movable } from './messages.ts';
import type { MovedSignature, ThreadMessage, UpgradeJob } from './messages.ts';

type Ended = { message: ThreadMessage; moved: readonly Uint8Array<ArrayBuffer>[] };

/** What a thread does for a signature's higher level, and what of the answer is moved. */
export async function upgradeWork(job: UpgradeJob): Promise<Ended> {
  if (job.kind === 'read') return upgraded(job, job.pdf);
  if (job.kind === 'timestamp') return timestampRoom(job);
  const { certificates, revocationLists, statusResponses } = job.data;
  const data = {
    certificates: certificates.map(asBuffer),
    revocationLists: revocationLists.map(asBuffer),
    statusResponses: statusResponses.map(asBuffer),
  };
  return upgraded(job, movable(appendValidationData(asBuffer(job.pdf), data, job.limits)));
}

/** The room stays empty here, so that no thread waits for a service. */
async function timestampRoom(job: Extract<UpgradeJob, { kind: 'timestamp' }>): Promise<Ended> {
  const { fieldName, tokenBytesMax, limits } = job;
  const covered = Promise.withResolvers<Buffer>();
  const timestamp = (sha256: Buffer): Promise<Buffer> => {
    covered.resolve(sha256);
    return Promise.resolve(Buffer.alloc(0));
  };
  const stamped = await appendDocumentTimestamp({
    pdf: asBuffer(job.pdf),
    fieldName,
    tokenBytesMax,
    limits,
    timestamp,
  });
  const { message, moved } = upgraded(job, movable(stamped));
  const sha256 = new Uint8Array(await covered.promise);
  return { message: { ...message, original: job.pdf, sha256 }, moved: [...moved, job.pdf] };
}

type Upgraded = Extract<ThreadMessage, { kind: 'upgraded' }>;

function upgraded(
  { limits }: UpgradeJob,
  pdf: Uint8Array<ArrayBuffer>,
): { message: Upgraded; moved: readonly Uint8Array<ArrayBuffer>[] } {
  const signatures = readSignatures(asBuffer(pdf), limits).map(
    // A part of the file's own memory cannot be sent beside it.
    ({ fieldName, kind, byteRange, contents }): MovedSignature => {
      return { fieldName, kind, byteRange, contents: new Uint8Array(contents) };
    },
  );
  return { message: { kind: 'upgraded', pdf, signatures }, moved: [pdf] };
}
