import { createPrivateKey } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/index.ts';
import type { Vault } from '../platform/vault.ts';
import { issueServiceCertificate } from './authority.ts';
import type { Issuer } from './authority.ts';
import type { ActiveAuthority } from './certificate-authorities.ts';
import { readCertificate } from './certificate-reader.ts';
import { digestAlgorithmOf } from './keys/signing-key.ts';
import type { KeyAlgorithm } from './keys/signing-key.ts';
import { generatePrivateKey, softwareKey } from './keys/software-key.ts';
import * as store from './revocation-store.ts';
import type { TrustTables } from './tables.ts';

type ServiceRow = TrustTables['service_certificate'];

const DAY_MS = 86_400_000;
/**
 * A responder's status is asked by nobody, so its certificate is short-lived (RFC 6960, 4.2.2.2.1). A stamp's must outlast
 * what it stamps by years; it ends with its issuer's at the latest.
 */
const DAYS = { ocsp: 30, timestamp: 5 * 365 } as const;
const RENEW_BEFORE_DAYS = { ocsp: 10, timestamp: 4 * 365 } as const;

/** Keys and certificates of the service's own, each made at first use and renewed in time. */
export function createServiceCertificates(options: {
  db: Database;
  vault: Pick<Vault, 'seal' | 'open'>;
  clock: Clock;
  keyAlgorithm: KeyAlgorithm;
}) {
  const { db, vault, clock } = options;
  const finding = new Map<string, Promise<Issuer>>();
  const ready = new Map<string, Issuer>();

  function opened(row: ServiceRow): Issuer {
    const known = ready.get(row.serial_number);
    if (known) return known;
    const bytes = vault.open(row.private_key_sealed, contextOf(row));
    const key = softwareKey(createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' }));
    const made = { certificate: row.certificate, key };
    ready.set(row.serial_number, made);
    return made;
  }

  /** Two nodes may make one each at once: both are good, and the longer one is used from then on. */
  async function make(authority: ActiveAuthority, purpose: ServiceRow['purpose']): Promise<Issuer> {
    const now = clock.now();
    const keyAlgorithm = algorithmFor(purpose, options.keyAlgorithm);
    const privateKey = await generatePrivateKey(keyAlgorithm);
    const { publicKey } = softwareKey(privateKey);
    const points = purpose === 'ocsp' ? undefined : authority.points;
    const made = await issueServiceCertificate(authority, { purpose, publicKey, now, days: DAYS[purpose], points });
    const place = { authority_id: authority.authorityId, serial_number: made.serialNumber, purpose };
    const row: ServiceRow = {
      ...place,
      key_algorithm: keyAlgorithm,
      certificate: made.certificate,
      private_key_sealed: vault.seal(privateKey.export({ type: 'pkcs8', format: 'der' }), contextOf(place)),
      not_before: made.notBefore,
      not_after: made.notAfter,
    };
    await store.insertServiceCertificate(db, row);
    return opened(row);
  }

  async function findOrMake(authority: ActiveAuthority, purpose: ServiceRow['purpose']): Promise<Issuer> {
    const known = await store.findServiceCertificate(db, authority.authorityId, purpose);
    const lastsMs = (known?.not_after.getTime() ?? 0) - clock.now().getTime();
    // One that ends with its issuer cannot be had for longer.
    const isLast = known !== undefined && known.not_after >= readCertificate(authority.certificate).notAfter;
    if (known && (isLast || lastsMs > RENEW_BEFORE_DAYS[purpose] * DAY_MS)) return opened(known);
    return make(authority, purpose);
  }

  /** However many strangers ask at once, one key is made for them. */
  return async function serviceCertificate(
    authority: ActiveAuthority,
    purpose: ServiceRow['purpose'],
  ): Promise<Issuer> {
    const place = `${authority.authorityId}/${purpose}`;
    const underWay = finding.get(place) ?? findOrMake(authority, purpose).finally(() => finding.delete(place));
    finding.set(place, underWay);
    return underWay;
  };
}

/** Stamps are over SHA-256 (RFC 3161 services and their readers know no SM3), whoever signs the documents. */
function algorithmFor(purpose: ServiceRow['purpose'], algorithm: KeyAlgorithm): KeyAlgorithm {
  return purpose === 'timestamp' && digestAlgorithmOf(algorithm) !== 'sha256' ? 'P-256' : algorithm;
}

function contextOf(row: Pick<ServiceRow, 'authority_id' | 'serial_number' | 'purpose'>): string {
  return `service_certificate/${row.authority_id}/${row.purpose}/${row.serial_number}`;
}
