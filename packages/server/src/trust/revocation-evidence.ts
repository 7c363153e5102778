import type { Database, Executor } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import { readCertificate } from './certificate-reader.ts';
import * as der from './der.ts';
import { isSignedBy } from './foreign-evidence.ts';
import type { ForeignEvidence } from './foreign-evidence.ts';
import { certificateIdOf, createStatusRequest } from './ocsp.ts';
import type { createRevocation } from './revocation.ts';
import * as store from './revocation-store.ts';
import type { AuthorityRow } from './store.ts';

/**
 * What proves, to who looks later, that a certificate was good: DER each. `certificates` are the issuers up to and with
 * the root, and who signed the OCSP answers; the certificate itself is not among them.
 */
export type RevocationEvidence = { crls: Buffer[]; ocsps: Buffer[]; certificates: Buffer[] };

type Options = {
  db: Database;
  revocation: Pick<ReturnType<typeof createRevocation>, 'answerStatus' | 'publishedList'>;
  foreign: ForeignEvidence;
};

/**
 * Evidence for one certificate and those above it. Of the built-in authority it is made here, of another one it is fetched
 * from where the certificates say.
 *
 * @param chain issuers that are known already, in any order
 * @throws DomainError `revocation_unavailable` where a certificate's status could not be had, `certificate_revoked`
 */
export function createRevocationEvidence({ db, revocation, foreign }: Options) {
  async function ofBuiltIn(
    certificate: Buffer,
    issuer: AuthorityRow,
    all: AuthorityRow[],
  ): Promise<RevocationEvidence> {
    const id = certificateIdOf(readCertificate(certificate), readCertificate(issuer.certificate));
    const evidence: RevocationEvidence = { crls: [], ocsps: [], certificates: [issuer.certificate] };
    const answer = await revocation.answerStatus(createStatusRequest(id));
    if (answer.cache !== undefined) evidence.ocsps.push(answer.response);
    else evidence.crls.push(await listOf(issuer));
    const root = all.find((row) => row.authority_id === issuer.issuer_id);
    if (root !== undefined) {
      evidence.crls.push(await listOf(root));
      evidence.certificates.push(root.certificate);
    }
    return evidence;
  }

  async function listOf(row: AuthorityRow): Promise<Buffer> {
    const published = await revocation.publishedList(row.authority_id);
    if (published === undefined) throw new DomainError('revocation_unavailable', { authority: row.authority_id });
    return published.list;
  }

  return async function revocationEvidence(
    certificate: Buffer,
    chain: readonly Buffer[] = [],
  ): Promise<RevocationEvidence> {
    const all = await store.listAuthorities(db);
    const { issuer } = readCertificate(certificate);
    const builtIn = all.find(
      (row) => readCertificate(row.certificate).subject.equals(issuer) && isSignedBy(certificate, row.certificate),
    );
    if (builtIn !== undefined) return ofBuiltIn(certificate, builtIn, all);
    return foreign(certificate, [...chain, ...(await storedChain(db, certificate))]);
  };
}

/** The issuers that an operator brought along with the certificate. */
async function storedChain(db: Executor, certificate: Buffer): Promise<Buffer[]> {
  const bytes = await store.findIssuerChain(db, certificate);
  return bytes === undefined ? [] : der.readElements(bytes).map((element) => element.bytes);
}
