import { createHmac } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';
import type { Executor } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import type { Vault } from '../platform/vault.ts';
import { issueCompanyCertificate, issuePersonCertificate } from './authority.ts';
import type { CertificateAuthorities } from './certificate-authorities.ts';
import { createCmsSigner } from './cms.ts';
import type { CmsIdentity } from './cms.ts';
import * as der from './der.ts';
import type { KeyPlace, KeyStores } from './keys/key-stores.ts';
import type { DigestAlgorithm, KeyAlgorithm, SigningKey } from './keys/signing-key.ts';
import { generatePrivateKey, softwareKey } from './keys/software-key.ts';
import * as store from './store.ts';
import type { CurrentCertificate, HolderKey } from './store.ts';

/** Signs a document in a company's or a person's name. */
export type DocumentSigner = {
  /** DER. */
  certificate: Buffer;
  /** Issuers' certificates, DER, the root last. */
  chain: readonly Buffer[];
  /** By which the content is to be hashed. */
  digestAlgorithm: DigestAlgorithm;
  /** A detached CMS SignedData (DER) over the content that has this digest. */
  signDetached(digest: Buffer): Promise<Buffer>;
  /** No CMS of this signer is longer. */
  signatureBytesMax: number;
};

export type CompanyIdentity = {
  appId: string;
  etcOrgNo: string;
  companyName: string;
  socialCreditCode?: string | undefined;
};

export type PersonIdentity = {
  appId: string;
  /** Whoever it is to the application, such as a signer account's number: one person, one key. */
  personKey: string;
  /** As it was verified; stands in the certificate. */
  name: string;
  /** Never stored and never in the certificate: a pseudonym drawn from it is. */
  idNumber?: string | undefined;
};

/** A certificate's holder and what its certificate must say of it. */
type Holder = HolderKey & { name: string; identifier: string | null };

export type SignerPolicy = {
  /** For keys made from now on; those there are stay. */
  keyAlgorithm: KeyAlgorithm;
  /** `imported`: a company without a certificate of another authority does not sign. */
  companyAuthority: 'built-in' | 'imported';
  companyDays: number;
  personDays: number;
  /** Dotted object identifiers of certificate policies. */
  policies: readonly string[];
};

type Options = {
  authorities: CertificateAuthorities;
  vault: Pick<Vault, 'seal' | 'deriveKey'>;
  clock: Clock;
  keys: KeyStores;
  policy: SignerPolicy;
};

/** Whose company the service itself is: it signs evidence reports, whoever certifies the applications' companies. */
const SERVICE_APP = '*';
/** A certificate this near its end is replaced, so that no document is signed by one that ends on the way. */
const RENEW_BEFORE_MS = 24 * 3_600_000;
/** Signers kept ready: opening and parsing a key costs more than its signature. The least recently made goes first. */
const READY_SIGNERS_MAX = 500;

/** Certificates made for one signature while others make one for the same holder. */
const ISSUE_ATTEMPTS_MAX = 5;

export function createSigners({ authorities, vault, clock, keys, policy }: Options) {
  const readySigners = new Map<string, DocumentSigner>();

  /** The new certificate's serial number; undefined where the holder has got a current one meanwhile. */
  async function issue(executor: Executor, holder: Holder): Promise<string | undefined> {
    const issuer = await authorities.issuer(executor);
    const now = clock.now();
    const privateKey = await generatePrivateKey(policy.keyAlgorithm);
    const { publicKey } = softwareKey(privateKey);
    const request = { publicKey, now, points: issuer.points, policies: policy.policies };
    const made =
      holder.kind === 'company'
        ? await issueCompanyCertificate(issuer, {
            ...request,
            subject: {
              companyName: holder.name,
              ...(holder.identifier !== null && { socialCreditCode: holder.identifier }),
            },
            days: policy.companyDays,
          })
        : await issuePersonCertificate(issuer, {
            ...request,
            subject: { personName: holder.name, pseudonym: holder.identifier ?? '' },
            days: policy.personDays,
          });
    const bytes = privateKey.export({ type: 'pkcs8', format: 'der' });
    const isCurrent = await store.insertCertificateOnce(executor, {
      app_id: holder.appId,
      holder_kind: holder.kind,
      holder_key: holder.key,
      serial_number: made.serialNumber,
      authority_id: issuer.authorityId,
      issuer_chain: null,
      holder_name: holder.name,
      holder_identifier: holder.identifier,
      key_algorithm: policy.keyAlgorithm,
      certificate: made.certificate,
      key_store: 'database',
      key_reference: null,
      private_key_sealed: vault.seal(bytes, holderContext(holder, made.serialNumber)),
      not_before: made.notBefore,
      not_after: made.notAfter,
      created_at: now,
    });
    return isCurrent ? made.serialNumber : undefined;
  }

  function isFit(current: CurrentCertificate, holder: Holder): boolean {
    return (
      current.holder_name === holder.name &&
      current.holder_identifier === holder.identifier &&
      current.authority_revoked_at === null &&
      current.not_after.getTime() - clock.now().getTime() > RENEW_BEFORE_MS
    );
  }

  async function currentCertificate(executor: Executor, holder: Holder): Promise<CurrentCertificate> {
    for (let attempt = 0; attempt < ISSUE_ATTEMPTS_MAX; attempt++) {
      const known = await store.findCertificate(executor, holder);
      // What an operator brought is never replaced by one of our own: that would be another authority's word.
      if (known?.authority_id === null) return stillGood(known, holder);
      if (holder.kind === 'company' && holder.appId !== SERVICE_APP && policy.companyAuthority === 'imported') {
        throw new DomainError('certificate_not_imported', { etcOrgNo: holder.key });
      }
      if (known && isFit(known, holder)) return known;
      if (known) await store.supersedeCertificate(executor, holder, known.serial_number, clock.now());
      const serialNumber = await issue(executor, holder);
      // Where one ID number came under two names at once, the other may have superseded this one already: it is good.
      const made = serialNumber && (await store.findCertificate(executor, holder, serialNumber));
      if (made) return made;
    }
    throw new DomainError('certificate_missing', { holder: holder.key });
  }

  function stillGood(current: CurrentCertificate, holder: HolderKey): CurrentCertificate {
    if (current.not_after > clock.now()) return current;
    throw new DomainError('certificate_expired', { holder: holder.key, serialNumber: current.serial_number });
  }

  async function keyOf(current: CurrentCertificate, holder: HolderKey): Promise<SigningKey> {
    return keys.open(placeOf(current), current.certificate, holderContext(holder, current.serial_number));
  }

  async function signerOf(executor: Executor, holder: Holder): Promise<DocumentSigner> {
    const current = await currentCertificate(executor, holder);
    const id = `${holder.appId}/${holder.kind}/${holder.key}/${current.serial_number}`;
    const ready = readySigners.get(id);
    if (ready) return ready;
    const key = await keyOf(current, holder);
    const signer = documentSigner({ key, certificate: current.certificate, chain: chainOf(current) });
    const [oldest] = readySigners.keys();
    if (oldest !== undefined && readySigners.size >= READY_SIGNERS_MAX) readySigners.delete(oldest);
    readySigners.set(id, signer);
    return signer;
  }

  return {
    companySigner: (executor: Executor, { appId, etcOrgNo, companyName, socialCreditCode }: CompanyIdentity) =>
      signerOf(executor, {
        appId,
        kind: 'company',
        key: etcOrgNo,
        name: companyName,
        identifier: socialCreditCode ?? null,
      }),

    /** Destroys a person's private keys, so that nothing is signed in their name any more; certificates stay. */
    erasePerson: async (executor: Executor, person: { appId: string; personKey: string }) =>
      store.eraseKeysOfPerson(executor, person, clock.now()),

    personSigner: (executor: Executor, { appId, personKey, name, idNumber }: PersonIdentity) => {
      const secret = vault.deriveKey('person-pseudonym');
      const known = idNumber === undefined ? `key ${personKey}` : `id ${idNumber.trim().toUpperCase()}`;
      const pseudonym = createHmac('sha256', secret).update(`${appId} ${known}`).digest('hex').slice(0, 32);
      return signerOf(executor, {
        appId,
        kind: 'person',
        key: personKey,
        name,
        identifier: pseudonym.toUpperCase(),
      });
    },
  };
}

/** A signer for an identity that is at hand, with no store behind it. */
export function documentSigner(identity: CmsIdentity): DocumentSigner {
  const { digestAlgorithm, signDetached, bytesMax } = createCmsSigner(identity);
  return {
    certificate: identity.certificate,
    chain: identity.chain,
    digestAlgorithm,
    signDetached,
    signatureBytesMax: bytesMax,
  };
}

/** Issuers, the one that signed first. */
function chainOf(current: CurrentCertificate): Buffer[] {
  if (current.issuer_chain !== null) return der.readElements(current.issuer_chain).map(({ bytes }) => bytes);
  return [current.authority_certificate, current.root_certificate].filter((each) => each !== null);
}

function placeOf({ key_store, key_reference, private_key_sealed: sealed }: CurrentCertificate): KeyPlace {
  if (key_store === 'pkcs11') return { store: key_store, reference: key_reference ?? '' };
  if (sealed === null) throw new DomainError('certificate_key_erased');
  return key_store === 'pkcs12'
    ? { store: key_store, fileName: key_reference ?? '', sealed }
    : { store: key_store, sealed };
}

/** For the vault: what is sealed for one certificate of one holder opens for no other. */
export function holderContext({ appId, kind, key }: HolderKey, serialNumber: string): string {
  const what = kind === 'company' ? 'certificate' : 'person_certificate';
  return `${what}/${appId}/${key}/${serialNumber}`;
}
