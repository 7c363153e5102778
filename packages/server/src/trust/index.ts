import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';
import type { Database, Executor } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import type { Vault } from '../platform/vault.ts';
import { createRoot, issueCompanyCertificate } from './authority.ts';
import { cmsBytesMax, signDetachedCms } from './cms.ts';
import type { CmsIdentity, KeyAlgorithm } from './cms.ts';
import * as store from './store.ts';
import type { TrustTables } from './tables.ts';

export type { KeyAlgorithm } from './cms.ts';

/** Signs a document in a company's name. */
export type DocumentSigner = {
  /** DER. */
  certificate: Buffer;
  /** Issuers' certificates, DER, the root last. */
  chain: readonly Buffer[];
  /** A detached CMS SignedData (DER) over the content that has this SHA-256 digest. */
  signDetached(sha256: Buffer): Promise<Buffer>;
  /** No CMS of this signer is longer. */
  signatureBytesMax: number;
};

type CompanyIdentity = {
  appId: string;
  etcOrgNo: string;
  companyName: string;
  socialCreditCode?: string | undefined;
};

export type Trust = {
  /**
   * The company's signer. Its certificate is issued and stored at its first use, used again while it is valid and names
   * the company as it is named now, and replaced otherwise. Runs inside the executor's transaction, if it is one.
   */
  companySigner(executor: Executor, company: CompanyIdentity): Promise<DocumentSigner>;
  /** The built-in root, for those who want to trust it. Made when it is not there yet. */
  rootCertificatePem(): Promise<string>;
};

type TrustOptions = {
  db: Database;
  vault: Pick<Vault, 'seal' | 'open'>;
  clock: Clock;
  /**
   * For the root and for company keys that are made from now on; those there are stay. `RSA-2048` is the default since
   * every validator knows it, those of older office and reader software too; `P-256` signs faster and is shorter.
   */
  keyAlgorithm?: KeyAlgorithm;
};

const AUTHORITY_ID = 'built-in';
/** A certificate this near its end is replaced, so that no document is signed by one that ends on the way. */
const RENEW_BEFORE_MS = 24 * 3_600_000;
/** Signers kept ready: opening and parsing a key costs more than its signature. The least recently made goes first. */
const READY_SIGNERS_MAX = 500;

export function createTrust({ db, vault, clock, keyAlgorithm = 'RSA-2048' }: TrustOptions): Trust {
  const readySigners = new Map<string, DocumentSigner>();

  async function authority(executor: Executor): Promise<TrustTables['certificate_authority']> {
    const known = await store.findAuthority(executor, AUTHORITY_ID);
    if (known) return known;
    const now = clock.now();
    const root = await createRoot(keyAlgorithm, now);
    await store.insertAuthorityOnce(executor, {
      authority_id: AUTHORITY_ID,
      key_algorithm: keyAlgorithm,
      certificate: root.certificate,
      private_key_sealed: vault.seal(root.privateKey, authorityContext()),
      not_after: root.notAfter,
      created_at: now,
    });
    // Another node may have been first: the row that is there is the one that counts.
    const stored = await store.findAuthority(executor, AUTHORITY_ID);
    if (!stored) throw new DomainError('certificate_authority_missing');
    return stored;
  }

  async function issue(executor: Executor, company: CompanyIdentity): Promise<void> {
    const issuer = await authority(executor);
    const now = clock.now();
    const subject = {
      companyName: company.companyName,
      ...(company.socialCreditCode ? { socialCreditCode: company.socialCreditCode } : {}),
    };
    const root = {
      certificate: issuer.certificate,
      privateKey: vault.open(issuer.private_key_sealed, authorityContext()),
      keyAlgorithm: issuer.key_algorithm,
    };
    const made = await issueCompanyCertificate(root, subject, keyAlgorithm, now);
    await store.insertCertificateOnce(executor, {
      app_id: company.appId,
      etc_org_no: company.etcOrgNo,
      serial_number: made.serialNumber,
      authority_id: issuer.authority_id,
      company_name: company.companyName,
      social_credit_code: company.socialCreditCode ?? null,
      key_algorithm: keyAlgorithm,
      certificate: made.certificate,
      private_key_sealed: vault.seal(made.privateKey, companyContext(company, made.serialNumber)),
      not_before: made.notBefore,
      not_after: made.notAfter,
      superseded_at: null,
      created_at: now,
    });
  }

  function isFit(current: store.CurrentCertificate, company: CompanyIdentity): boolean {
    return (
      current.company_name === company.companyName &&
      current.social_credit_code === (company.socialCreditCode ?? null) &&
      current.not_after.getTime() - clock.now().getTime() > RENEW_BEFORE_MS
    );
  }

  async function currentCertificate(executor: Executor, company: CompanyIdentity): Promise<store.CurrentCertificate> {
    const { appId, etcOrgNo } = company;
    const known = await store.findCurrentCertificate(executor, appId, etcOrgNo);
    if (known && isFit(known, company)) return known;
    if (known) {
      const key = { appId, etcOrgNo, serialNumber: known.serial_number };
      await store.supersedeCertificate(executor, key, clock.now());
    }
    await issue(executor, company);
    const stored = await store.findCurrentCertificate(executor, appId, etcOrgNo);
    if (!stored || !isFit(stored, company)) throw new DomainError('certificate_missing', { etcOrgNo });
    return stored;
  }

  return {
    async companySigner(executor, company) {
      const current = await currentCertificate(executor, company);
      const ready = readySigners.get(current.serial_number);
      if (ready) return ready;
      const privateKey = vault.open(current.private_key_sealed, companyContext(company, current.serial_number));
      const signer = documentSigner({
        keyAlgorithm: current.key_algorithm,
        privateKey: createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' }),
        certificate: current.certificate,
        chain: [current.authority_certificate],
      });
      const [oldest] = readySigners.keys();
      if (oldest !== undefined && readySigners.size >= READY_SIGNERS_MAX) readySigners.delete(oldest);
      readySigners.set(current.serial_number, signer);
      return signer;
    },

    async rootCertificatePem() {
      const { certificate } = await authority(db);
      return new X509Certificate(certificate).toString();
    },
  };
}

/** A signer for an identity that is at hand, with no store behind it. */
export function documentSigner(identity: CmsIdentity): DocumentSigner {
  return {
    certificate: identity.certificate,
    chain: identity.chain,
    signDetached: (sha256) => signDetachedCms(sha256, identity),
    signatureBytesMax: cmsBytesMax(identity),
  };
}

function authorityContext(): string {
  return `certificate_authority/${AUTHORITY_ID}`;
}

function companyContext({ appId, etcOrgNo }: CompanyIdentity, serialNumber: string): string {
  return `certificate/${appId}/${etcOrgNo}/${serialNumber}`;
}
