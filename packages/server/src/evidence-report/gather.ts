import { createHash } from 'node:crypto';
import type { Documents } from '../documents/index.ts';
import type { Parties } from '../parties/index.ts';
import type { Database } from '../platform/database/index.ts';
import type { Act, FlowEvidence, Signing } from '../signing/index.ts';
import type { CompanyFact, EvidenceFacts, RevisionFact } from './facts.ts';
import { signatureFacts } from './signature-facts.ts';

export interface GatherDependencies {
  readonly db: Database;
  readonly signing: Pick<Signing, 'evidence'>;
  readonly documents: Pick<Documents, 'findFile' | 'readFile'>;
  readonly parties: Pick<Parties, 'findOrg' | 'findMember'>;
}

/** A change of what the report says makes a report of the same facts another one. */
const REPORT_VERSION = 2;

/** Everything that a report of a flow says. @throws DomainError flow_not_found, and those of `readFile` */
export async function gatherFacts(
  dependencies: GatherDependencies,
  appId: string,
  flowId: string,
): Promise<EvidenceFacts> {
  const { db, signing, documents, parties } = dependencies;
  const evidence = await signing.evidence(appId, flowId);
  const newest = await documents.readFile({ appId, fileId: evidence.fileId });
  const member = await parties.findMember(db, appId, evidence.flow.initiatorMemberNo);
  return {
    evidence,
    companies: await companiesOf(dependencies, appId, evidence),
    initiatorName: member?.member.memberName ?? null,
    revisions: await revisionsOf(documents, appId, evidence.acts, newest),
    signatures: await signatureFacts(newest.bytes, levelsOf(evidence)),
  };
}

/** SHA-256 over the facts: the same facts have the same report. */
export function hashOfFacts({ evidence, ...facts }: EvidenceFacts): string {
  const { acts, ...rest } = evidence;
  const said = [REPORT_VERSION, rest, acts.map(({ actNo, sha256 }) => [actNo, sha256]), facts];
  return createHash('sha256').update(JSON.stringify(said)).digest('hex');
}

async function companiesOf(
  { db, parties }: GatherDependencies,
  appId: string,
  { flow, signers }: FlowEvidence,
): Promise<CompanyFact[]> {
  const numbers = new Set([flow.initiatorOrgNo, ...signers.flatMap(({ orgNo }) => orgNo ?? [])]);
  const companies: CompanyFact[] = [];
  for (const etcOrgNo of numbers) {
    const org = await parties.findOrg(db, appId, etcOrgNo);
    if (org) companies.push({ etcOrgNo, name: org.orgName, socialCreditCode: org.socialCreditCode });
  }
  return companies;
}

/** The file as it came, each signature's revision, and what came behind the last of them. */
async function revisionsOf(
  documents: Pick<Documents, 'findFile'>,
  appId: string,
  acts: readonly Act[],
  newest: { fileId: string; sha256: string; byteLength: number; createdAt: Date },
): Promise<RevisionFact[]> {
  const revisions: RevisionFact[] = [];
  for (const { kind, fileId, fileSha256, at, actNo } of acts) {
    if ((kind !== 'created' && kind !== 'signed') || fileId === null || fileSha256 === null) continue;
    const file = await documents.findFile({ appId, fileId });
    revisions.push({ fileId, sha256: fileSha256, byteLength: file?.byteLength ?? null, at, actNo });
  }
  if (revisions.some(({ fileId }) => fileId === newest.fileId)) return revisions;
  const { fileId, sha256, byteLength, createdAt } = newest;
  return [...revisions, { fileId, sha256, byteLength, at: createdAt, actNo: null }];
}

/** `signature-FIELD-PAGE` is a signature of a field of this flow. */
function levelsOf({ fields }: FlowEvidence): (fieldName: string) => string | null {
  const levels = new Map(fields.map(({ fieldId, level }) => [fieldId, level]));
  return (fieldName) => levels.get(/^signature-([0-9a-f]{32})-\d+$/.exec(fieldName)?.[1] ?? '') ?? null;
}
