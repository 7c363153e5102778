import { PdfName, PdfString, textOf } from '../documents/index.ts';
import type { PdfDict } from '../documents/index.ts';
import { isWeak } from './algorithms.ts';
import { coverageOf } from './byte-range.ts';
import type { Coverage } from './byte-range.ts';
import type { Certificate } from './certificate.ts';
import { areAllVouched, certificatePath } from './certificate-path.ts';
import type { CertificatePath, TrustAnchor } from './certificate-path.ts';
import { verifyCms } from './cms.ts';
import type { Cms } from './cms.ts';
import { permissionsOf } from './permissions.ts';
import type { Permissions } from './permissions.ts';
import type { RangeDigests } from './range-digests.ts';
import type { RevocationData } from './revocation.ts';
import type { ObjectHistory } from './revision-view.ts';
import type { SignatureValue } from './signature-values.ts';
import { digestOf, verifyTimestampToken } from './timestamp-token.ts';

/** What is known to whoever judges: whom to trust, what was revoked, what time it is. */
export type Knowledge = {
  anchors: readonly TrustAnchor[];
  /** From the file's own store and from elsewhere. */
  certificates: readonly Certificate[];
  revocation: RevocationData;
  now: Date;
};

export type StampFacts = {
  at: Date;
  isTrusted: boolean;
  isBroken: boolean;
  path: CertificatePath | undefined;
  cms: Cms;
};

/** Everything that was found out about one signature; what it means is `judge.ts`'s to say. */
export type SignatureFacts = {
  value: SignatureValue;
  coverage: Coverage;
  /** Undefined where the bytes hold none that could be read. */
  cms: Cms | undefined;
  format: string | undefined;
  isSupported: boolean;
  /** Of a document timestamp: what it says itself. */
  stampedAt: Date | undefined;
  /** Tokens over this signature. */
  stamps: readonly StampFacts[];
  permissions: Permissions;
  page: number | undefined;
  /** It holds for bytes of this file, but the file's history does not lead to them. */
  isDetached: boolean;
};

const FORMATS: ReadonlySet<string> = new Set(['ETSI.CAdES.detached', 'adbe.pkcs7.detached', 'ETSI.RFC3161']);
const TEXT_CHARACTERS_MAX = 500;

export function signatureFacts(
  objects: ObjectHistory,
  value: SignatureValue,
  digests: RangeDigests,
  knowledge: Knowledge,
): SignatureFacts {
  const { bytes, revisions } = objects.history;
  const coverage = coverageOf(bytes, revisions, value);
  const view = objects.at(value.revision);
  const format = nameIn(value.dict, 'SubFilter');
  const isSupported = FORMATS.has(format ?? '') && value.isTimestamp === (format === 'ETSI.RFC3161');
  const facts = {
    value,
    coverage,
    format,
    isSupported,
    permissions: permissionsOf(view, value.dict),
    page: undefined,
    isDetached: false,
  };
  if (coverage.der.length === 0 || !isSupported) return { ...facts, cms: undefined, stampedAt: undefined, stamps: [] };
  const digest: Parameters<typeof verifyCms>[2] = (hash) => digests.digest(hash, coverage.hole, coverage.end);
  if (value.isTimestamp) {
    const token = verifyTimestampToken(coverage.der, digest);
    const fault = token.cms.fault ?? (token.isOver ? null : 'cms_digest_differs');
    return { ...facts, cms: { ...token.cms, fault }, stampedAt: token.at, stamps: [] };
  }
  const cms = verifyCms(coverage.der, 'data', digest);
  // What is inside would be signed in place of the file.
  const fault = cms.fault ?? (cms.content ? 'cms_malformed' : null);
  const stamps = cms.timestamps.map((token) => stampFacts(token, cms, knowledge));
  return { ...facts, cms: { ...cms, fault }, stampedAt: undefined, stamps };
}

/** A token over a signature's value (ETSI EN 319 122-1, 5.3). */
function stampFacts(token: Buffer, signed: Cms, knowledge: Knowledge): StampFacts {
  const { cms, at, isOver } = verifyTimestampToken(token, digestOf(signed.signature));
  const isBroken = (cms.fault !== null && cms.fault !== 'cms_unknown_algorithm') || !isOver || at === undefined;
  const path = cms.signer && at ? pathAt(cms.signer, cms, knowledge, at) : undefined;
  return { at: at ?? new Date(0), isBroken, isTrusted: !isBroken && isTrusted(cms, path, knowledge), path, cms };
}

export function pathAt(leaf: Certificate, cms: Cms, knowledge: Knowledge, at: Date): CertificatePath {
  return certificatePath(leaf, [...cms.certificates, ...knowledge.certificates], knowledge.anchors, at);
}

/** A trusted timestamp: by a path without a fault, in which no certificate is of doubtful make. */
export function isTrusted(cms: Cms, path: CertificatePath | undefined, knowledge: Knowledge): boolean {
  if (cms.fault !== null || !path?.anchor || path.faults.length > 0 || cms.hashes.some(isWeak)) return false;
  return areAllVouched(cms.certificates, knowledge.certificates, knowledge.anchors);
}

function nameIn(dict: PdfDict, key: string): string | undefined {
  const value = dict.get(key);
  return value instanceof PdfName ? value.name : undefined;
}

/** A text string of the signature's dictionary, for people. */
export function textIn(dict: PdfDict, key: string): string | null {
  const value = dict.get(key);
  return value instanceof PdfString ? textOf(value).slice(0, TEXT_CHARACTERS_MAX) : null;
}

/** Whether the bytes it covers are those its signer signed. */
export function isWhole({ coverage, cms, isSupported }: SignatureFacts): boolean {
  return isSupported && coverage.faults.length === 0 && cms !== undefined && cms.fault === null;
}
