import type { Certificate, CertificateName } from './certificate.ts';
import type { Change } from './changes/index.ts';
import { allowanceOf, fileVerdict, isAllowed, verdictOf } from './judge.ts';
import type { SignatureJudgement } from './judge.ts';
import { parsePdfDate } from './pdf-date.ts';
import type { ReportedCertificate, ReportedChange, ReportedSignature, ValidationReport } from './report.ts';
import { isWhole, textIn } from './signature-facts.ts';
import type { SignatureFacts } from './signature-facts.ts';
import { CHANGE_WORDS, FILE_WORDS, PROBLEM_WORDS, SIGNATURE_WORDS } from './words.ts';

export type JudgedSignature = {
  facts: SignatureFacts;
  judgement: SignatureJudgement;
  changes: readonly Change[];
  coversWholeFile: boolean;
};

/** Changes told one by one of a signature, and of all signatures of a file together. */
const TOLD_PER_SIGNATURE_MAX = 50;
const TOLD_MAX = 2_000;

const ATTRIBUTE_NAMES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.97': 'organizationIdentifier',
  '1.2.840.113549.1.9.1': 'emailAddress',
};

export function reportOf(
  judged: readonly JudgedSignature[],
  { now, file }: { now: Date; file: ValidationReport['file'] },
): ValidationReport {
  const all = judged.map(({ facts }) => facts);
  let left = TOLD_MAX;
  const signatures = judged.map((each) => {
    const signature = signatureReport(each, all, left);
    left = Math.max(0, left - signature.changes.length);
    return signature;
  });
  const verdict = fileVerdict(signatures);
  return { verdict, words: FILE_WORDS[verdict], checkedAt: now.toISOString(), file, signatures };
}

function signatureReport(
  { facts, judgement, changes, coversWholeFile }: JudgedSignature,
  all: readonly SignatureFacts[],
  left: number,
): ReportedSignature {
  const { value, coverage, cms, permissions } = facts;
  const { path, proven, revocation, level, problems } = judgement;
  const allowance = allowanceOf(facts, all);
  const judgedChanges = changes.map((change) => ({ change, allowed: isAllowed(change, allowance) }));
  const verdict = verdictOf(problems, judgedChanges);
  const told = toldChanges(judgedChanges);
  const count = Math.min(TOLD_PER_SIGNATURE_MAX, left);
  const anchor = path?.anchor;
  return {
    fieldName: value.fieldName,
    kind: value.isTimestamp ? 'timestamp' : 'signature',
    verdict,
    words: SIGNATURE_WORDS[verdict],
    problems: problems.map((code) => ({ code, words: PROBLEM_WORDS[code] })),
    signer: cms?.signer ? certificateReport(cms.signer) : null,
    claimed: {
      at:
        facts.stampedAt?.toISOString() ??
        parsePdfDate(textIn(value.dict, 'M')) ??
        cms?.signingTime?.toISOString() ??
        null,
      name: textIn(value.dict, 'Name'),
      reason: textIn(value.dict, 'Reason'),
      location: textIn(value.dict, 'Location'),
    },
    provenTime: proven
      ? { at: proven.at.toISOString(), source: proven.source, authority: displayName(proven.authority) }
      : null,
    integrity: isWhole(facts) ? 'intact' : 'broken',
    trust: {
      state: anchor ? 'trusted' : 'unknown',
      source: anchor?.source ?? null,
      root: anchor ? displayName(anchor.certificate) : null,
    },
    revocation: {
      state: revocation.state,
      source: revocation.state === 'unknown' ? null : revocation.source,
      at: revocation.state === 'revoked' ? revocation.at.toISOString() : null,
    },
    level: verdict === 'changed' ? null : level,
    format: facts.format?.slice(0, 100) ?? null,
    page: facts.page ?? null,
    revision: coverage.revision === undefined || facts.isDetached ? null : coverage.revision + 1,
    coversWholeFile,
    permits: permissions.level ?? null,
    changes: told.slice(0, count),
    changesLeftOut: Math.max(0, told.length - count),
  };
}

/** Forbidden changes one by one and first; the others by their kind. */
function toldChanges(judged: readonly { change: Change; allowed: boolean }[]): ReportedChange[] {
  const forbidden = judged.filter(({ allowed }) => !allowed).map(({ change }) => changeReport(change, false));
  const kinds = new Map<string, ReportedChange>();
  for (const { change, allowed } of judged) {
    if (!allowed) continue;
    const known = kinds.get(change.code);
    if (!known) kinds.set(change.code, changeReport(change, true));
    else kinds.set(change.code, { ...known, count: known.count + 1, page: null, field: null });
  }
  return [...forbidden, ...kinds.values()];
}

function changeReport({ code, page, field, revision }: Change, allowed: boolean): ReportedChange {
  return {
    code,
    allowed,
    count: 1,
    page: page !== undefined && page > 0 ? page : null,
    field: field ?? null,
    revision: revision + 1,
    words: CHANGE_WORDS[code],
  };
}

function certificateReport(certificate: Certificate): ReportedCertificate {
  return {
    commonName: attributeOf(certificate.subject, '2.5.4.3'),
    organization: attributeOf(certificate.subject, '2.5.4.10'),
    subject: nameText(certificate.subject),
    issuer: nameText(certificate.issuer),
    serialNumber: certificate.serialNumber,
    notBefore: certificate.notBefore.toISOString(),
    notAfter: certificate.notAfter.toISOString(),
  };
}

function attributeOf(name: readonly CertificateName[], type: string): string | null {
  return name.find((attribute) => attribute.type === type)?.value ?? null;
}

function displayName({ subject }: Certificate): string {
  return attributeOf(subject, '2.5.4.3') ?? attributeOf(subject, '2.5.4.10') ?? nameText(subject);
}

function nameText(name: readonly CertificateName[]): string {
  return name.map(({ type, value }) => `${ATTRIBUTE_NAMES[type] ?? type}=${value}`).join(', ');
}
