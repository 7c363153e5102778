import { X509Certificate } from 'node:crypto';
import type { EmbeddedSignature, ValidationData } from '../documents/index.ts';
import { isDomainError } from '../platform/errors.ts';
import { certificatesToProve, type CertificateToProve, type RevocationEvidence } from '../trust/index.ts';

/** A step cannot be done now; what was done before it stands. */
export class StepFailure extends Error {
  readonly isHopeless: boolean;

  constructor(message: string, { isHopeless = false }: { isHopeless?: boolean } = {}) {
    super(message);
    this.isHopeless = isHopeless;
  }
}

type EvidencePorts = {
  /** What proves that a certificate was good; rejects where nobody can be asked. */
  evidence: (certificate: Buffer, chain: readonly Buffer[]) => Promise<RevocationEvidence>;
  /** Told of evidence that is missing and that nothing waits for. */
  onMissing: (error: unknown) => void;
};

/** So long before a timestamp's certificate ends it is followed by another even where there is no evidence for it. */
const RENEWAL_WAITS_UNTIL_MS = 7 * 86_400_000;

/**
 * What proves the certificates of the signatures in a file: of all where there is none yet, of the newest timestamp where
 * the rest has its own. Evidence for a stranger's signature that came with the file is taken where it can be had.
 *
 * @throws StepFailure where it cannot be had now, or where a certificate was revoked
 */
export async function evidenceFor(
  ports: EvidencePorts,
  signatures: readonly EmbeddedSignature[],
  task: { isOwn: (fieldName: string) => boolean; isRenewal: boolean; now: Date },
): Promise<ValidationData> {
  const newest = signatures.findLast(({ kind }) => kind === 'timestamp');
  const wanted = task.isRenewal ? [newest].filter((each) => each !== undefined) : signatures;
  const found: RevocationEvidence = { certificates: [], crls: [], ocsps: [] };
  const asked = new Set<string>();
  for (const { fieldName, kind, contents } of wanted) {
    const isForeign = kind === 'signature' && !task.isOwn(fieldName);
    try {
      for (const each of certificatesToProve(kind, contents)) {
        const key = each.certificate.toString('base64');
        if (asked.has(key)) continue;
        const evidence = await evidenceOf(ports, each, task);
        asked.add(key);
        found.certificates.push(each.certificate, ...evidence.certificates);
        found.crls.push(...evidence.crls);
        found.ocsps.push(...evidence.ocsps);
      }
    } catch (error) {
      if (!isForeign) throw error;
      ports.onMissing(error);
    }
  }
  return { certificates: found.certificates, revocationLists: found.crls, statusResponses: found.ocsps };
}

async function evidenceOf(
  { evidence, onMissing }: EvidencePorts,
  { certificate, chain }: CertificateToProve,
  { isRenewal, now }: { isRenewal: boolean; now: Date },
): Promise<RevocationEvidence> {
  try {
    return await evidence(certificate, chain);
  } catch (error) {
    const isRevoked = isDomainError(error, 'certificate_revoked');
    const endsInMs = new Date(new X509Certificate(certificate).validTo).getTime() - now.getTime();
    // A timestamp without evidence for the one before it says more than none.
    if (isRenewal && (isRevoked || endsInMs < RENEWAL_WAITS_UNTIL_MS)) {
      onMissing(error);
      return { certificates: [...chain], crls: [], ocsps: [] };
    }
    const reason = error instanceof Error ? error.message : 'missing';
    throw new StepFailure(`evidence: ${reason}`, { isHopeless: isRevoked });
  }
}
