import { X509Certificate } from 'node:crypto';
import { appendAudit } from '../audit/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import type { Vault } from '../platform/vault.ts';
import { EXTENSION } from './certificate-profile.ts';
import { readCertificate, serialNumberHex } from './certificate-reader.ts';
import * as der from './der.ts';
import { isSignedBy } from './foreign-evidence.ts';
import type { KeyPlace, KeyStores } from './keys/key-stores.ts';
import type { CertificateRecord } from './revocation-store.ts';
import * as revocations from './revocation-store.ts';
import { holderContext } from './signers.ts';
import * as store from './store.ts';

/**
 * Where the key and the certificates of another authority are: a PKCS#12 file in the folder for keys, whose key stays in
 * the file or goes into the database; or a key in a PKCS#11 token, with its certificates in PEM.
 */
export type KeySource =
  | { kind: 'pkcs12'; fileName: string; passphrase: string; keepInFile: boolean }
  | { kind: 'pkcs11'; reference: string; certificatesPem: string };

type Options = {
  db: Database;
  clock: Clock;
  vault: Pick<Vault, 'seal'>;
  keys: KeyStores;
};

const CHAIN_MAX = 6;
const DIGITAL_SIGNATURE = 0x80;
const NON_REPUDIATION = 0x40;
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** Certificates of licensed authorities that sign in place of the built-in one's, a company at a time. */
export function createCompanyCertificates({ db, clock, vault, keys }: Options) {
  async function opened(source: KeySource): Promise<{ certificate: Buffer; others: Buffer[]; key?: Buffer }> {
    if (source.kind === 'pkcs12') {
      const { privateKey, certificate, others } = await keys.readFile(source.fileName, source.passphrase);
      return { certificate, others, key: privateKey.export({ type: 'pkcs8', format: 'der' }) };
    }
    const all = (source.certificatesPem.match(PEM_CERTIFICATE) ?? []).map(certificateOf);
    const certificate = all.find((each) => !all.some((other) => other !== each && isSignedBy(other, each)));
    if (certificate === undefined) throw invalid('there is no certificate of the company in the PEM');
    return { certificate, others: all.filter((each) => each !== certificate) };
  }

  function placeOf(source: KeySource, key: Buffer | undefined, context: string): KeyPlace {
    if (source.kind === 'pkcs11') return { store: 'pkcs11', reference: source.reference };
    if (source.keepInFile) {
      const sealed = vault.seal(Buffer.from(source.passphrase, 'utf8'), context);
      return { store: 'pkcs12', fileName: source.fileName, sealed };
    }
    return { store: 'database', sealed: vault.seal(key ?? Buffer.alloc(0), context) };
  }

  return {
    /**
     * From the next signature on the company signs with this certificate, until it is released or replaced. Before it is
     * taken it is checked: that the key is its own and signs, that it is good now and made for signatures, that it names
     * the company, and that its issuer came along.
     *
     * @throws DomainError `certificate_unfit` with a reason, `key_mismatch`, `key_file_missing`, `pkcs12_invalid`,
     * `pkcs11_failed`, `pkcs11_reference_invalid`, `key_unsupported`
     */
    async importCompanyCertificate(command: {
      appId: string;
      etcOrgNo: string;
      companyName: string;
      source: KeySource;
      actor: string;
    }): Promise<CertificateRecord> {
      const { appId, etcOrgNo, companyName, source, actor } = command;
      const now = clock.now();
      const { certificate, others, key } = await opened(source);
      const chain = chainOf(certificate, others);
      assertFit(certificate, chain, companyName, now);
      const parts = readCertificate(certificate);
      const serialNumber = serialNumberHex(parts.serialNumber);
      const holder = { appId, kind: 'company', key: etcOrgNo } as const;
      const context = holderContext(holder, serialNumber);
      const place = placeOf(source, key, context);
      const { algorithm } = await keys.open(place, certificate, context);
      const row = {
        app_id: appId,
        holder_kind: 'company',
        holder_key: etcOrgNo,
        serial_number: serialNumber,
        authority_id: null,
        issuer_chain: Buffer.concat(chain),
        holder_name: companyName,
        holder_identifier: null,
        key_algorithm: algorithm,
        certificate,
        key_store: place.store,
        key_reference: place.store === 'database' ? null : place.store === 'pkcs12' ? place.fileName : place.reference,
        private_key_sealed: place.store === 'pkcs11' ? null : place.sealed,
        not_before: parts.notBefore,
        not_after: parts.notAfter,
        created_at: now,
      } as const;
      await db.transaction().execute(async (tx) => {
        const current = await store.findCertificate(tx, holder);
        if (current) await store.supersedeCertificate(tx, holder, current.serial_number, now);
        await store.replaceImportedCertificate(tx, row);
        await appendAudit(tx, {
          appId,
          actor,
          action: 'certificate.import',
          subject: `org:${etcOrgNo}`,
          detail: { serialNumber, issuer: new X509Certificate(certificate).issuer, keyStore: place.store },
          at: now,
        });
      });
      return record(etcOrgNo, serialNumber);
    },

    /** The built-in authority issues to the company again. */
    async releaseCompanyCertificate(command: { appId: string; etcOrgNo: string; actor: string }): Promise<void> {
      const { appId, etcOrgNo, actor } = command;
      const holder = { appId, kind: 'company', key: etcOrgNo } as const;
      await db.transaction().execute(async (tx) => {
        const current = await store.findCertificate(tx, holder);
        if (!current || current.authority_id !== null) throw new DomainError('certificate_not_imported', { etcOrgNo });
        await store.supersedeCertificate(tx, holder, current.serial_number, clock.now());
        await appendAudit(tx, {
          appId,
          actor,
          action: 'certificate.release',
          subject: `org:${etcOrgNo}`,
          detail: { serialNumber: current.serial_number },
          at: clock.now(),
        });
      });
    },
  };

  async function record(etcOrgNo: string, serialNumber: string): Promise<CertificateRecord> {
    const found = await revocations.findCertificates(db, serialNumber);
    const own = found.find((each) => each.holder_key === etcOrgNo);
    if (!own) throw new DomainError('certificate_not_found', { serialNumber });
    return own;
  }
}

/** From the one that signed the certificate upwards, as far as the certificates at hand reach. */
function chainOf(certificate: Buffer, others: readonly Buffer[]): Buffer[] {
  const chain: Buffer[] = [];
  let below = certificate;
  while (chain.length < CHAIN_MAX && !isSignedBy(below, below)) {
    const subject = below;
    const above = others.find((each) => isSignedBy(subject, each));
    if (above === undefined) break;
    chain.push(above);
    below = above;
  }
  return chain;
}

function assertFit(certificate: Buffer, chain: readonly Buffer[], companyName: string, now: Date): void {
  const { notBefore, notAfter, extensions, subject } = readCertificate(certificate);
  const x509 = new X509Certificate(certificate);
  if (x509.ca) throw invalid('it is the certificate of an authority');
  if (chain.length === 0) throw invalid("its issuer's certificate did not come along");
  if (now < notBefore || now >= notAfter) throw invalid(`it is good from ${iso(notBefore)} to ${iso(notAfter)} only`);
  const usage = extensions.get(EXTENSION.keyUsage);
  const bits = usage === undefined ? undefined : der.readElements(usage)[0]?.contents[1];
  if (bits !== undefined && (bits & (DIGITAL_SIGNATURE | NON_REPUDIATION)) === 0) {
    throw invalid('it is not made for signatures');
  }
  // Whatever kind of string it is, a name stands in a certificate as UTF-8 or as UTF-16.
  const utf16 = Buffer.from(companyName, 'utf16le').swap16();
  if (!subject.includes(Buffer.from(companyName, 'utf8')) && !subject.includes(utf16)) {
    throw invalid(`it does not name ${companyName}`);
  }
}

function certificateOf(pem: string): Buffer {
  try {
    return Buffer.from(new X509Certificate(pem).raw);
  } catch (error) {
    throw invalid('its PEM is not understood', error);
  }
}

function iso(at: Date): string {
  return at.toISOString().slice(0, 10);
}

function invalid(reason: string, cause?: unknown): DomainError {
  return new DomainError('certificate_unfit', { reason }, { cause });
}
