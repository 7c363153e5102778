import { isWeak } from './algorithms.ts';
import type { Certificate } from './certificate.ts';
import { areAllVouched } from './certificate-path.ts';
import type { CertificatePath } from './certificate-path.ts';
import { isAllowedAtLevel1, isAlwaysAllowed, isConditional } from './changes/index.ts';
import type { Change } from './changes/index.ts';
import { isLocked, stricter } from './permissions.ts';
import type { ChangeLevel, Permissions } from './permissions.ts';
import { gravityOf } from './problems.ts';
import type { ProblemCode } from './problems.ts';
import type { Level, ReportedSignature, Verdict } from './report.ts';
import { revocationOf } from './revocation.ts';
import type { RevocationData, RevocationState } from './revocation.ts';
import { isTrusted, isWhole, pathAt } from './signature-facts.ts';
import type { Knowledge, SignatureFacts } from './signature-facts.ts';
import type { StoredValidationData } from './stored-validation-data.ts';

/** A moment that a trusted timestamp vouches for. */
export type ProvenTime = {
  at: Date;
  source: 'signature_timestamp' | 'document_timestamp';
  authority: Certificate;
  path: CertificatePath;
};

/** What the facts of a signature come to, its later changes aside. */
export type SignatureJudgement = {
  problems: readonly ProblemCode[];
  path: CertificatePath | undefined;
  proven: ProvenTime | undefined;
  revocation: RevocationState;
  level: Level | null;
};

/** A document timestamp that holds and is trusted: it vouches for all that its save and older ones hold. */
export type DocumentTimestamp = ProvenTime & { revision: number };

export function documentTimestamps(all: readonly SignatureFacts[], knowledge: Knowledge): DocumentTimestamp[] {
  return all.flatMap((facts) => {
    const { cms, stampedAt, coverage, value } = facts;
    if (!value.isTimestamp || !isWhole(facts) || !cms?.signer || !stampedAt || coverage.revision === undefined)
      return [];
    const path = pathAt(cms.signer, cms, knowledge, stampedAt);
    if (!isTrusted(cms, path, knowledge)) return [];
    return [{ at: stampedAt, source: 'document_timestamp', authority: cms.signer, path, revision: coverage.revision }];
  });
}

/**
 * @param stored the file's own store of validation data, as it was after a save
 * @param lastRevision the newest save
 */
export function judgeSignature(
  facts: SignatureFacts,
  stamps: readonly DocumentTimestamp[],
  knowledge: Knowledge,
  stored: (revision: number) => StoredValidationData,
  lastRevision: number,
): SignatureJudgement {
  const { cms, coverage, value } = facts;
  const problems = integrityProblems(facts);
  if (!cms?.signer)
    return { problems, path: undefined, proven: undefined, revocation: { state: 'unknown' }, level: null };
  const proven = provenTime(facts, stamps);
  const at = proven?.at ?? facts.stampedAt ?? knowledge.now;
  const path = pathAt(cms.signer, cms, knowledge, at);
  const data = {
    crls: [...knowledge.revocation.crls, ...cms.crls],
    ocsps: [...knowledge.revocation.ocsps, ...cms.ocsps],
  };
  const revocation = revocationOfPath(path, data, knowledge.now);
  const vouchedTime = proven?.at ?? (facts.stampedAt && isTrusted(cms, path, knowledge) ? facts.stampedAt : undefined);
  problems.push(...trustProblems(facts, path, vouchedTime, knowledge));
  problems.push(...revocationProblems(revocation, vouchedTime));
  // One that cannot be believed is no better than none; that it is there and cannot be believed has to be said.
  if (facts.stamps.some((stamp) => !stamp.isBroken && !stamp.isTrusted)) problems.push('timestamp_untrusted');
  else if (!value.isTimestamp && !proven) problems.push('time_not_proven');
  const embedded = (revision: number): RevocationData & { certificates: readonly Certificate[] } => {
    const store = stored(revision);
    return { ...store, crls: [...store.crls, ...cms.crls], ocsps: [...store.ocsps, ...cms.ocsps] };
  };
  const hasProblem = problems.some((code) => gravityOf(code) !== 'note');
  const level =
    hasProblem || coverage.revision === undefined
      ? null
      : levelOf(facts, path, proven, stamps, embedded, knowledge.now, lastRevision);
  return { problems: sorted(problems), path, proven, revocation, level };
}

function sorted(problems: readonly ProblemCode[]): ProblemCode[] {
  const order = ['breaking', 'doubt', 'note'];
  return [...new Set(problems)].sort((a, b) => order.indexOf(gravityOf(a)) - order.indexOf(gravityOf(b)));
}

function integrityProblems({ coverage, cms, isSupported, value, stamps }: SignatureFacts): ProblemCode[] {
  const problems: ProblemCode[] = [...coverage.faults];
  if (!isSupported) problems.push('format_unsupported');
  if (!cms) return problems;
  if (cms.fault) problems.push(cms.fault);
  if (stamps.some(({ isBroken }) => isBroken)) problems.push('timestamp_broken');
  if (cms.hashes.some(isWeak)) problems.push('weak_digest');
  if (!value.isTimestamp && cms.fault === null && !cms.hasSigningCertificate)
    problems.push('signing_certificate_missing');
  return problems;
}

/** The earliest of what vouches for it: its own timestamps, and those of the document in its save or later ones. */
function provenTime(
  { stamps, coverage, value }: SignatureFacts,
  documents: readonly DocumentTimestamp[],
): ProvenTime | undefined {
  const { revision } = coverage;
  const own = stamps.flatMap(({ at, isTrusted: trusted, path, cms }): ProvenTime[] =>
    trusted && path && cms.signer ? [{ at, source: 'signature_timestamp', authority: cms.signer, path }] : [],
  );
  const later = documents.filter((each) => revision !== undefined && each.revision > revision);
  const all = value.isTimestamp ? later : [...own, ...later];
  return all.sort((a, b) => a.at.getTime() - b.at.getTime())[0];
}

function trustProblems(
  { cms, value }: SignatureFacts,
  path: CertificatePath,
  vouchedTime: Date | undefined,
  knowledge: Knowledge,
): ProblemCode[] {
  const problems: ProblemCode[] = [];
  if (!value.isTimestamp && cms?.signer && isForOthers(cms.signer)) problems.push('certificate_not_for_signing');
  if (!path.anchor) problems.push('issuer_unknown');
  else if (cms && !areAllVouched(cms.certificates, knowledge.certificates, knowledge.anchors)) {
    problems.push('certificate_unvouched');
  }
  for (const fault of path.faults) {
    if (fault === 'not_for_signing') problems.push('certificate_not_for_signing');
    else if (fault === 'expired' && !vouchedTime) problems.push('certificate_expired');
    else if (fault === 'expired' || fault === 'not_yet_valid') problems.push('certificate_not_valid_then');
    else problems.push('issuer_not_allowed');
  }
  return problems;
}

/** Servers, timestamp services, OCSP responders. */
const OTHER_PURPOSES: ReadonlySet<string> = new Set(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.8', '1.3.6.1.5.5.7.3.9']);

/** A certificate that is given to nobody who signs documents (RFC 5280, 4.2.1.12). */
function isForOthers({ extendedKeyUsage }: Certificate): boolean {
  return extendedKeyUsage.length > 0 && extendedKeyUsage.every((purpose) => OTHER_PURPOSES.has(purpose));
}

function revocationOfPath({ certificates }: CertificatePath, data: RevocationData, now: Date): RevocationState {
  const states = certificates.slice(0, -1).map((certificate, index) => {
    const issuer = certificates[index + 1];
    return issuer ? revocationOf(certificate, issuer, data, now) : ({ state: 'unknown' } as const);
  });
  return states.find(({ state }) => state === 'revoked') ?? states[0] ?? { state: 'unknown' };
}

function revocationProblems(revocation: RevocationState, vouchedTime: Date | undefined): ProblemCode[] {
  if (revocation.state !== 'revoked') return [];
  if (!vouchedTime) return ['certificate_revoked_since'];
  return vouchedTime < revocation.at ? [] : ['certificate_revoked'];
}

function levelOf(
  facts: SignatureFacts,
  path: CertificatePath,
  proven: ProvenTime | undefined,
  stamps: readonly DocumentTimestamp[],
  embedded: (revision: number) => RevocationData & { certificates: readonly Certificate[] },
  now: Date,
  lastRevision: number,
): Level | null {
  if (facts.format !== 'ETSI.CAdES.detached' || !facts.cms?.hasSigningCertificate) return null;
  if (!proven) return 'B-B';
  const paths = [path, proven.path];
  const came = [...facts.cms.certificates, ...facts.stamps.flatMap(({ cms }) => cms.certificates)];
  const isComplete = (revision: number): boolean => {
    const data = embedded(revision);
    const known = new Set([...came, ...data.certificates].map(({ fingerprint }) => fingerprint));
    return paths.every((each) => isLongTerm(each, data, known, now));
  };
  const from = facts.coverage.revision ?? 0;
  if (stamps.some(({ revision }) => revision > from && isComplete(revision))) return 'B-LTA';
  return isComplete(lastRevision) ? 'B-LT' : 'B-T';
}

/** Whether the file itself says of each certificate but the root's that it was not revoked. */
function isLongTerm(path: CertificatePath, data: RevocationData, known: ReadonlySet<string>, now: Date): boolean {
  return path.certificates.slice(0, -1).every((certificate, index) => {
    const issuer = path.certificates[index + 1];
    if (!issuer || (index > 0 && !known.has(certificate.fingerprint))) return false;
    return revocationOf(certificate, issuer, data, now).state !== 'unknown';
  });
}

/** What signatures up to a save, itself included, permit others to do afterwards. */
export type Allowance = {
  level: ChangeLevel | undefined;
  locks: readonly NonNullable<Permissions['lock']>[];
  own: Permissions['lock'];
};

export function allowanceOf(facts: SignatureFacts, all: readonly SignatureFacts[]): Allowance {
  const upTo = facts.coverage.revision ?? 0;
  const earlier = all.filter(({ coverage }) => coverage.revision !== undefined && coverage.revision <= upTo);
  return {
    level: earlier.reduce<ChangeLevel | undefined>((level, each) => stricter(level, each.permissions.level), undefined),
    locks: earlier.flatMap(({ permissions }) => permissions.lock ?? []),
    own: facts.permissions.lock,
  };
}

/**
 * Whether a signature lets a change be. One that says nothing lets others sign and add what keeps signatures verifiable, and
 * nothing else: what was filled into a field, or written beside it, is text of the contract too.
 */
export function isAllowed({ code, field = '' }: Change, { level, locks, own }: Allowance): boolean {
  if (level === 1) return isAllowedAtLevel1(code);
  if (isAlwaysAllowed(code)) return true;
  if (!isConditional(code)) return false;
  if (code !== 'field_filled') return level === 3;
  if (locks.some((lock) => isLocked(lock, field))) return false;
  return level !== undefined || own !== undefined;
}

export function verdictOf(
  problems: readonly ProblemCode[],
  changes: readonly { allowed: boolean }[],
): ReportedSignature['verdict'] {
  if (problems.some((code) => gravityOf(code) === 'breaking')) return 'broken';
  if (changes.some(({ allowed }) => !allowed)) return 'changed';
  if (problems.some((code) => gravityOf(code) === 'doubt')) return 'indeterminate';
  return changes.length > 0 ? 'valid_with_changes' : 'valid';
}

const WORST_FIRST: readonly Verdict[] = ['broken', 'changed', 'indeterminate', 'valid_with_changes', 'valid'];

/**
 * The whole file's: the worst of its signatures' and timestamps'. Whoever signed last has signed what came before, so
 * permitted changes under a last signature over the whole file are no changes of the file.
 */
export function fileVerdict(signatures: readonly Pick<ReportedSignature, 'verdict' | 'coversWholeFile'>[]): Verdict {
  const worst = WORST_FIRST.find((verdict) => signatures.some((each) => each.verdict === verdict));
  if (worst === undefined) return 'not_signed';
  const isAllSigned = signatures.some(({ verdict, coversWholeFile }) => verdict === 'valid' && coversWholeFile);
  return worst === 'valid_with_changes' && isAllSigned ? 'valid' : worst;
}
