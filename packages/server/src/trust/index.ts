import { X509Certificate } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';
import type { Database, Executor } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import type { Vault } from '../platform/vault.ts';
import type { Egress } from '../platform/egress/index.ts';
import { createCertificateAuthorities } from './certificate-authorities.ts';
import type { CmsIdentity } from './cms.ts';
import { createCompanyCertificates } from './company-certificates.ts';
import { createForeignEvidence } from './foreign-evidence.ts';
import { createKeyStores } from './keys/key-stores.ts';
import { createPkcs11Keys } from './keys/pkcs11.ts';
import type { KeyAlgorithm } from './keys/signing-key.ts';
import { createRevocation } from './revocation.ts';
import { createRevocationEvidence } from './revocation-evidence.ts';
import type { RevocationEvidence } from './revocation-evidence.ts';
import { createServiceCertificates } from './service-certificates.ts';
import { createRootCustody } from './root-custody.ts';
import { listAuthorities, listCertificates } from './revocation-store.ts';
import type { CertificateRecord } from './revocation-store.ts';
import { findAuthority } from './store.ts';
import type { AuthorityRow } from './store.ts';
import { createSigners } from './signers.ts';
import type { CompanyIdentity, DocumentSigner, PersonIdentity, SignerPolicy } from './signers.ts';

export type { DigestAlgorithm, KeyAlgorithm } from './keys/signing-key.ts';
export { documentSigner } from './signers.ts';
export type { TrustErrorCode } from './errors.ts';
export { REVOCATION_REASONS } from './revocation-list.ts';
export type { RevocationReason } from './revocation-list.ts';
export type { CertificateRecord } from './revocation-store.ts';
export type { KeySource } from './company-certificates.ts';
export type { RootFile } from './root-custody.ts';
export type { CmsIdentity } from './cms.ts';
export type { RevocationEvidence } from './revocation-evidence.ts';
export type { DocumentSigner } from './signers.ts';
export { createTimestampAuthority } from './timestamp/authority.ts';
export type { TimestampAuthority } from './timestamp/authority.ts';
export { certificatesToProve, isTimestamped, timestampedBytesMax, timestampSignature } from './timestamp/embedded.ts';
export type { CertificateToProve } from './timestamp/embedded.ts';
export { httpTimestampService } from './timestamp/http-service.ts';
export type { TimestampUrl } from './timestamp/http-service.ts';
export { timestampedSigner } from './timestamp/timestamped-signer.ts';
export { createTimestamps } from './timestamp/timestamps.ts';
export type { Timestamps, TimestampService } from './timestamp/timestamps.ts';

export type Trust = {
  /**
   * The company's signer. Its certificate is issued and stored at its first use, used again while it is valid and names
   * the company as it is named now, and replaced otherwise. Runs inside the executor's transaction, if it is one.
   */
  companySigner(executor: Executor, company: CompanyIdentity): Promise<DocumentSigner>;
  /**
   * A person's signer, as the company's. The certificate names the person and holds no ID number: a pseudonym drawn from
   * it under the master key stands in its place, the same for one ID number within one application.
   */
  personSigner(executor: Executor, person: PersonIdentity): Promise<DocumentSigner>;
  /**
   * Destroys a person's private keys, so that nothing is signed in their name any more; their certificates stay. Answers
   * how many there were. Runs inside the executor's transaction, if it is one.
   */
  erasePerson(executor: Executor, person: Pick<PersonIdentity, 'appId' | 'personKey'>): Promise<number>;
  /**
   * What proves later that a certificate (DER) was good: of the built-in authority made here, of another one fetched from
   * where its certificates say.
   *
   * @param chain issuers that are at hand, in any order
   * @throws DomainError `revocation_unavailable` where nobody could be asked, `certificate_revoked`
   */
  revocationEvidence(certificate: Buffer, chain?: readonly Buffer[]): Promise<RevocationEvidence>;
  /** Who stamps times in development, under the built-in authority: never a substitute for a qualified service. */
  timestampIdentity(executor: Executor): Promise<CmsIdentity>;
  /** The built-in root, for those who want to trust it. Made when it is not there yet. */
  rootCertificatePem(): Promise<string>;
  /** An authority's certificate, DER; undefined for one that there is not. */
  authorityCertificate(authorityId: string): Promise<Buffer | undefined>;
  revocation: Pick<ReturnType<typeof createRevocation>, 'answerStatus' | 'publishedList' | 'revokeCertificate'>;
  /** Where the root's key is, and who issues below it. */
  custody: ReturnType<typeof createRootCustody>;
  authorities(): Promise<AuthorityRecord[]>;
  /** Certificates of holders, the newest first. */
  certificates(filter: { appId?: string; holderKey?: string; limit: number }): Promise<CertificateRecord[]>;
  /** Certificates of other authorities. */
  companies: ReturnType<typeof createCompanyCertificates>;
  /** Lets go of tokens. */
  close(): Promise<void>;
};

/** An authority without its key. */
export type AuthorityRecord = Omit<AuthorityRow, 'private_key_sealed'> & { has_key: boolean };

type TrustOptions = {
  db: Database;
  vault: Pick<Vault, 'seal' | 'open' | 'deriveKey'>;
  clock: Clock;
  /**
   * For authorities and keys that are made from now on; those there are stay. `RSA-2048` is the default since every
   * validator knows it, those of older office and reader software too; `P-256` signs faster and is shorter; `SM2` is for
   * readers of China's commercial cryptography alone.
   */
  keyAlgorithm?: KeyAlgorithm;
  policy?: Partial<Omit<SignerPolicy, 'keyAlgorithm'>>;
  /** Where PKCS#12 files of keys lie; none are read without one. */
  keysFolder?: string;
  pkcs11?: { modulePath: string | null; pin: string | null };
  /** How other authorities are asked for the status of their certificates; without it they are not. */
  egress?: Pick<Egress, 'request'>;
  /** Where validators reach `/pki/`: stands in certificates. Without one they name no place to ask. */
  pkiUrl?: () => string;
};

const DEFAULT_POLICY = {
  companyAuthority: 'built-in' as const,
  companyDays: 3 * 365,
  personDays: 3 * 365,
  policies: [],
};
const DAY_MS = 86_400_000;
/** An issuing authority is renewed while it still outlives what it issues by this. */
const RENEWAL_SLACK_DAYS = 30;

export function createTrust(options: TrustOptions): Trust {
  const { db, vault, clock, egress, keyAlgorithm = 'RSA-2048', pkiUrl = () => '' } = options;
  const policy = { ...DEFAULT_POLICY, ...options.policy, keyAlgorithm };
  const longestDays = Math.max(policy.companyDays, policy.personDays);
  const authorities = createCertificateAuthorities({
    vault,
    clock,
    keyAlgorithm,
    pkiUrl,
    renewBeforeMs: (longestDays + RENEWAL_SLACK_DAYS) * DAY_MS,
  });
  const pkcs11 = createPkcs11Keys(options.pkcs11 ?? { modulePath: null, pin: null });
  const keys = createKeyStores({ vault, keysFolder: options.keysFolder ?? null, pkcs11 });
  const signers = createSigners({ authorities, vault, clock, keys, policy });

  const serviceCertificate = createServiceCertificates({ db, vault, clock, keyAlgorithm });
  const revocation = createRevocation({ db, clock, authorities, serviceCertificate });
  const foreign =
    egress === undefined
      ? async () => Promise.reject(new DomainError('revocation_unavailable', { reason: 'no way out' }))
      : createForeignEvidence({ egress, clock });

  return {
    ...signers,
    revocation,
    custody: createRootCustody({ db, clock, vault, authorities, revocation }),
    companies: createCompanyCertificates({ db, clock, vault, keys }),
    certificates: async (filter) => listCertificates(db, filter),
    close: () => keys.close(),
    revocationEvidence: createRevocationEvidence({ db, revocation, foreign }),

    async timestampIdentity(executor) {
      const authority = await authorities.issuer(executor);
      const { certificate, key } = await serviceCertificate(authority, 'timestamp');
      return { certificate, key, chain: authority.chain };
    },

    async authorities() {
      await authorities.root(db);
      const rows = await listAuthorities(db);
      return rows.map(({ private_key_sealed: sealed, ...row }) => Object.assign(row, { has_key: sealed !== null }));
    },

    async authorityCertificate(authorityId) {
      const row = await findAuthority(db, authorityId);
      return row?.certificate;
    },

    async rootCertificatePem() {
      const { certificate } = await authorities.root(db);
      return new X509Certificate(certificate).toString();
    },
  };
}
