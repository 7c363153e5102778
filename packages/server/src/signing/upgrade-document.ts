import {
  appendDocumentTimestamp,
  appendValidationData,
  endOf,
  readSignatures,
  withLastContents,
  type EmbeddedSignature,
} from '../documents/index.ts';
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
  timestamps: Timestamps;
  /** What proves that a certificate was good; rejects where nobody can be asked. */
  evidence: (certificate: Buffer, chain: readonly Buffer[]) => Promise<RevocationEvidence>;
  /** Told of evidence that is missing and that nothing waits for. */
  onMissing: (error: unknown) => void;
};

export type UpgradeTask = {
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

/** Does to a revision what its goal asks for, as far as the services answer now. */
export async function upgradeDocument(ports: UpgradePorts, task: UpgradeTask): Promise<UpgradedDocument> {
  const { limits, isOwn, goal, isFinal } = task;
  let pdf = task.pdf;
  let timestampEnds: Date | undefined;
  const done: UpgradeStep[] = [];
  const end = (failure?: StepFailure): UpgradedDocument => {
    const signatures = statesOf(readSignatures(pdf, limits), isOwn);
    const isHopeless = failure?.isHopeless === true;
    return { pdf, signatures, steps: done, timestampEnds, failure: failure?.message, isHopeless };
  };
  const found = readSignatures(pdf, limits);
  const last = found.at(-1);
  const isLastOpen = last !== undefined && endOf(last) === pdf.length && hasRoom(last, ports.timestamps);
  try {
    for (const step of upgradeSteps(statesOf(found, isOwn), { goal, isFinal, isLastOpen })) {
      if (step === 'stamp-last-signature' && last !== undefined) {
        pdf = await stampLast(ports, pdf, last);
      } else if (step === 'add-evidence') {
        pdf = appendValidationData(pdf, await evidenceFor(ports, readSignatures(pdf, limits), task), limits);
      } else {
        const stamped = await stampDocument(ports, pdf, limits);
        pdf = stamped.pdf;
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

async function stampLast({ timestamps }: UpgradePorts, pdf: Buffer, last: EmbeddedSignature): Promise<Buffer> {
  const answer = await timestampSignature(last.contents, timestamps);
  if (answer.kind === 'unavailable') throw new StepFailure(answer.reason);
  const stamped = withLastContents(pdf, last, answer.contents);
  if (stamped === undefined) throw new StepFailure('a timestamp is longer than its service said');
  return stamped;
}

async function stampDocument({ timestamps }: UpgradePorts, pdf: Buffer, limits: UpgradeTask['limits']) {
  const taken = readSignatures(pdf, limits).filter(({ kind }) => kind === 'timestamp').length;
  let notAfter: Date | undefined;
  const stamped = await appendDocumentTimestamp({
    pdf,
    fieldName: `${DOCUMENT_TIMESTAMP_FIELD}-${taken + 1}`,
    tokenBytesMax: timestamps.tokenBytesMax,
    limits,
    async timestamp(sha256) {
      const answer = await timestamps.timestamp(sha256);
      if (answer.kind === 'unavailable') throw new StepFailure(answer.reason);
      notAfter = answer.notAfter;
      return answer.der;
    },
  });
  return { pdf: stamped, notAfter };
}
