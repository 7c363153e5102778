import { endOf, fillLastContents, type EmbeddedSignature, type PdfUpgrades } from '../documents/index.ts';
import {
  isTimestamped,
  timestampedBytesMax,
  timestampSignature,
  type RevocationEvidence,
  type Timestamps,
} from '../trust/index.ts';
import { evidenceFor, StepFailure } from './upgrade-evidence.ts';
import { upgradeSteps, type SignatureState, type UpgradeStep } from './upgrade-plan.ts';
import type { SignatureLevel } from './signature-level.ts';

/** Whom an upgrade asks. */
export type UpgradePorts = {
  pdf: PdfUpgrades;
  timestamps: Timestamps;
  /** What proves that a certificate was good; rejects where nobody can be asked. */
  evidence: (certificate: Buffer, chain: readonly Buffer[]) => Promise<RevocationEvidence>;
  /** Told of evidence that is missing and that nothing waits for. */
  onMissing: (error: unknown) => void;
};

export type UpgradeTask = {
  /** Taken over. */
  pdf: Buffer;
  goal: SignatureLevel;
  /** No signature follows. */
  isFinal: boolean;
  /** Everything has its evidence but the newest timestamp, which is to be followed by another. */
  isRenewal: boolean;
  now: Date;
  /** Whether the field of this name is one of the flow's. */
  isOwn: (fieldName: string) => boolean;
  limits: { bytesMax: number };
};

export type UpgradedDocument = {
  /** The file as it was where nothing could be done. */
  pdf: Buffer;
  signatures: readonly SignatureState[];
  steps: readonly UpgradeStep[];
  /** The end of the first certificate that the newest document timestamp rests on, where one was made. */
  timestampEnds: Date | undefined;
  /** Why not every step was done. */
  failure: string | undefined;
  /** It is not worth another try. */
  isHopeless: boolean;
};

const DOCUMENT_TIMESTAMP_FIELD = 'document-timestamp';
const TOO_LONG = 'a timestamp is longer than its service said';

/** Does to a revision what its goal asks for, as far as the services answer now. */
export async function upgradeDocument(ports: UpgradePorts, task: UpgradeTask): Promise<UpgradedDocument> {
  const { limits, isOwn, goal, isFinal } = task;
  let { pdf, signatures: found } = await ports.pdf.readSignatures(task.pdf, limits);
  let timestampEnds: Date | undefined;
  const done: UpgradeStep[] = [];
  const end = (failure?: StepFailure): UpgradedDocument => {
    const signatures = statesOf(found, isOwn);
    const isHopeless = failure?.isHopeless === true;
    return { pdf, signatures, steps: done, timestampEnds, failure: failure?.message, isHopeless };
  };
  const last = found.at(-1);
  const isLastOpen = last !== undefined && endOf(last) === pdf.length && hasRoom(last, ports.timestamps);
  try {
    for (const step of upgradeSteps(statesOf(found, isOwn), { goal, isFinal, isLastOpen })) {
      if (step === 'stamp-last-signature' && last !== undefined) {
        await stampLast(ports, pdf, last);
        ({ pdf, signatures: found } = await ports.pdf.readSignatures(pdf, limits));
      } else if (step === 'add-evidence') {
        const evidence = await evidenceFor(ports, found, task);
        ({ pdf, signatures: found } = await ports.pdf.addValidationData(pdf, evidence, limits));
      } else {
        const taken = found.filter(({ kind }) => kind === 'timestamp').length;
        const stamped = await stampDocument(ports, pdf, taken + 1, limits);
        pdf = stamped.pdf;
        if (stamped.notAfter === undefined) return end(new StepFailure(stamped.failure));
        ({ pdf, signatures: found } = await ports.pdf.readSignatures(pdf, limits));
        timestampEnds = stamped.notAfter;
      }
      done.push(step);
    }
    return end();
  } catch (error) {
    if (error instanceof StepFailure) return end(error);
    throw error;
  }
}

function statesOf(found: readonly EmbeddedSignature[], isOwn: UpgradeTask['isOwn']): SignatureState[] {
  return found.map(({ fieldName, kind, contents }) => {
    const own = isOwn(fieldName);
    return { fieldName, kind, isOwn: own, stamped: kind === 'signature' && own && isTimestamped(contents) };
  });
}

/** Signatures that were made before there was a timestamp service have no room for its answer. */
function hasRoom(
  { byteRange: [, before, after], contents }: EmbeddedSignature,
  { tokenBytesMax }: Timestamps,
): boolean {
  return (after - before - 2) / 2 >= timestampedBytesMax(contents, tokenBytesMax);
}

async function stampLast({ timestamps }: UpgradePorts, pdf: Buffer, last: EmbeddedSignature): Promise<void> {
  const answer = await timestampSignature(last.contents, timestamps);
  if (answer.kind === 'unavailable') throw new StepFailure(answer.reason);
  if (!fillLastContents(pdf, last, answer.contents)) throw new StepFailure(TOO_LONG);
}

type Stamped = { pdf: Buffer; notAfter: Date; failure?: never } | { pdf: Buffer; notAfter?: never; failure: string };

/** The file with a timestamp of all of it, or as it was. */
async function stampDocument(
  { pdf: threads, timestamps }: UpgradePorts,
  pdf: Buffer,
  number: number,
  limits: UpgradeTask['limits'],
): Promise<Stamped> {
  const { tokenBytesMax } = timestamps;
  const fieldName = `${DOCUMENT_TIMESTAMP_FIELD}-${number}`;
  const room = await threads.addTimestampRoom(pdf, { fieldName, tokenBytesMax }, limits);
  const own = room.signatures.at(-1);
  const answer = await timestamps.timestamp(room.sha256);
  if (answer.kind === 'unavailable') return { pdf: room.original, failure: answer.reason };
  if (own === undefined || !fillLastContents(room.pdf, own, answer.der)) {
    return { pdf: room.original, failure: TOO_LONG };
  }
  return { pdf: room.pdf, notAfter: answer.notAfter };
}
