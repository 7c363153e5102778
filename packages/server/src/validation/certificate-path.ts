import { isIssuedBy } from './certificate.ts';
import type { Certificate } from './certificate.ts';

/** A root that somebody here vouches for. */
export type TrustAnchor = { certificate: Certificate; source: AnchorSource };

/** The authority built in, what the operator added, what the caller brought. */
export type AnchorSource = 'built_in' | 'operator' | 'given';

export type CertificatePath = {
  /** From the signer's to the last that was found; the anchor's own included where it was reached. */
  certificates: readonly Certificate[];
  anchor: TrustAnchor | undefined;
  /** What of the path does not hold, were it asked at `at`. */
  faults: readonly PathFault[];
};

export type PathFault =
  | 'not_yet_valid'
  | 'expired'
  | 'not_for_signing'
  | 'not_an_authority'
  | 'unknown_critical_extension';

const PATH_LENGTH_MAX = 8;
/** Signatures verified while looking for a path: a hostile file brings certificates that all name one another. */
const VERIFICATIONS_MAX = 200;

const KEY_USAGE = { digitalSignature: 0, nonRepudiation: 1, certificateSigning: 5 };

/**
 * A path from a certificate to an anchor (RFC 5280, 6), the shortest first; where there is none, the longest that the
 * certificates at hand make, without an anchor.
 *
 * @param at the moment at which the certificates have to have been valid
 */
export function certificatePath(
  leaf: Certificate,
  pool: readonly Certificate[],
  anchors: readonly TrustAnchor[],
  at: Date,
): CertificatePath {
  const trusted = new Map(anchors.map((anchor) => [anchor.certificate.fingerprint, anchor]));
  const candidates = [...anchors.map(({ certificate }) => certificate), ...pool];
  let verifications = 0;
  let best: Certificate[] = [leaf];
  let front: Certificate[][] = [[leaf]];
  while (front.length > 0) {
    const next: Certificate[][] = [];
    for (const path of front) {
      const last = path.at(-1) ?? leaf;
      const anchor = trusted.get(last.fingerprint);
      if (anchor) return { certificates: path, anchor, faults: pathFaults(path, at, path.length > 1) };
      if (path.length > best.length) best = path;
      if (path.length >= PATH_LENGTH_MAX) continue;
      for (const candidate of candidates) {
        if (path.some(({ fingerprint }) => fingerprint === candidate.fingerprint)) continue;
        if (!last.issuerDer.equals(candidate.subjectDer) || verifications >= VERIFICATIONS_MAX) continue;
        verifications += 1;
        if (isIssuedBy(last, candidate) === true) next.push([...path, candidate]);
      }
    }
    front = next;
  }
  return { certificates: best, anchor: undefined, faults: pathFaults(best, at, false) };
}

/** @param isAnchored the last is vouched for as it is, whatever it says of itself */
function pathFaults(path: readonly Certificate[], at: Date, isAnchored: boolean): PathFault[] {
  const faults = new Set<PathFault>();
  for (const [index, certificate] of path.entries()) {
    if (isAnchored && index === path.length - 1) break;
    if (at < certificate.notBefore) faults.add('not_yet_valid');
    if (at > certificate.notAfter) faults.add('expired');
    if (certificate.hasUnknownCritical) faults.add('unknown_critical_extension');
    if (index === 0 ? !maySign(certificate) : !mayIssue(certificate, index - 1)) {
      faults.add(index === 0 ? 'not_for_signing' : 'not_an_authority');
    }
  }
  return [...faults];
}

function maySign({ keyUsage }: Certificate): boolean {
  return !keyUsage || keyUsage.has(KEY_USAGE.digitalSignature) || keyUsage.has(KEY_USAGE.nonRepudiation);
}

/** @param below how many authorities stand between this one and the signer */
function mayIssue(
  { isAuthority, keyUsage, pathLengthMax, subjectDer, issuerDer }: Certificate,
  below: number,
): boolean {
  // A root of version 1 says nothing of itself; that somebody vouches for it says enough.
  const isOldRoot = isAuthority === undefined && subjectDer.equals(issuerDer);
  if (isAuthority !== true && !isOldRoot) return false;
  if (keyUsage && !keyUsage.has(KEY_USAGE.certificateSigning)) return false;
  return pathLengthMax === undefined || below <= pathLengthMax;
}

/**
 * Whether each certificate that came with a signature is as somebody known made it. The signature covers none of them but
 * the signer's, so one that nobody vouches for may have been changed.
 */
export function areAllVouched(
  came: readonly Certificate[],
  pool: readonly Certificate[],
  anchors: readonly TrustAnchor[],
): boolean {
  const known = [...anchors.map(({ certificate }) => certificate), ...pool, ...came];
  const trusted = new Set(anchors.map(({ certificate }) => certificate.fingerprint));
  return came.every(
    (each) => trusted.has(each.fingerprint) || known.some((issuer) => isIssuedBy(each, issuer) === true),
  );
}
