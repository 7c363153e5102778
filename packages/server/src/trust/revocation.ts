import { appendAudit } from '../audit/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Transaction } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import { allowsAuthorities } from './authority.ts';
import type { Issuer } from './authority.ts';
import type { ActiveAuthority, CertificateAuthorities } from './certificate-authorities.ts';
import { readCertificate, serialNumberHex } from './certificate-reader.ts';
import { createStatusError, createStatusResponse, isIssuedBy, readStatusRequest } from './ocsp.ts';
import type { CertificateId, CertificateStatus, StatusRequest } from './ocsp.ts';
import { createRevocationList, REVOCATION_REASONS } from './revocation-list.ts';
import type { Revocation, RevocationReason } from './revocation-list.ts';
import * as store from './revocation-store.ts';
import type { CertificateRecord } from './revocation-store.ts';
import type { AuthorityRow } from './store.ts';

/** A list as it is served. */
export type PublishedList = { list: Buffer; thisUpdate: Date; nextUpdate: Date };

/** An OCSPResponse as it is served; one that may be kept says until when. */
export type StatusAnswer = { response: Buffer; cache?: { producedAt: Date; until: Date; nextUpdate: Date } };

type Options = {
  db: Database;
  clock: Clock;
  authorities: CertificateAuthorities;
  serviceCertificate: (authority: ActiveAuthority, purpose: 'ocsp') => Promise<Issuer>;
};

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** How long a list is good, and how old it may be before it is made anew. A root is away as a rule: its list is long. */
const LIST_MS = {
  issuing: { good: 7 * DAY_MS, fresh: DAY_MS },
  root: { good: 400 * DAY_MS, fresh: 30 * DAY_MS },
} as const;
const STATUS_GOOD_MS = DAY_MS;
/** A revocation is seen this late at worst by who asks through a cache. */
const STATUS_CACHED_MS = 5 * 60_000;
const STATUSES_KEPT_MAX = 1_000;

/** Revocation of certificates of the built-in authority: lists, status answers, and the deed itself. */
export function createRevocation({ db, clock, authorities, serviceCertificate }: Options) {
  const kept = new Map<string, StatusAnswer>();

  /** Makes the next list while the authority's row is locked. */
  async function renewList(tx: Transaction, row: AuthorityRow): Promise<PublishedList> {
    const before = await store.findRevocationList(tx, row.authority_id);
    const thisUpdate = wholeSecond(clock.now());
    const nextUpdate = new Date(thisUpdate.getTime() + listTimes(row).good);
    const number = (before?.number ?? 0) + 1;
    const list = await createRevocationList(authorities.activate(row), {
      number,
      thisUpdate,
      nextUpdate,
      revocations: await revocationsOf(tx, row),
    });
    const made = { authority_id: row.authority_id, number, list, this_update: thisUpdate, next_update: nextUpdate };
    await store.putRevocationList(tx, made);
    return { list, thisUpdate, nextUpdate };
  }

  async function publishedList(authorityId: string): Promise<PublishedList | undefined> {
    const known = await store.findRevocationList(db, authorityId);
    const age = clock.now().getTime() - (known?.this_update.getTime() ?? 0);
    if (known && age < LIST_MS.issuing.fresh) return published(known);
    return db.transaction().execute(async (tx) => {
      const row = await store.lockAuthority(tx, authorityId);
      if (!row) return undefined;
      const newest = await store.findRevocationList(tx, authorityId);
      const newestAge = clock.now().getTime() - (newest?.this_update.getTime() ?? 0);
      const isKept = newest !== undefined && newestAge < listTimes(row).fresh;
      if (isKept || row.private_key_sealed === null) return newest && published(newest);
      return renewList(tx, row);
    });
  }

  async function statusOf(authorityId: string, serialNumber: string): Promise<CertificateStatus> {
    const record = (await store.findCertificates(db, serialNumber)).find((each) => each.authority_id === authorityId);
    if (record?.revoked_at) {
      return { kind: 'revoked', revokedAt: record.revoked_at, reason: record.revocation_reason ?? 0 };
    }
    if (record) return { kind: 'good' };
    const isOwn = await store.isServiceCertificate(db, authorityId, serialNumber);
    return isOwn ? { kind: 'good' } : { kind: 'unknown' };
  }

  async function answer(row: AuthorityRow, { ids, nonce }: StatusRequest): Promise<StatusAnswer> {
    const responder = await serviceCertificate(authorities.activate(row), 'ocsp');
    const producedAt = wholeSecond(clock.now());
    const nextUpdate = new Date(producedAt.getTime() + STATUS_GOOD_MS);
    const answers = await Promise.all(
      ids.map(async (id) => ({ id: id.bytes, status: await statusOf(row.authority_id, id.serialNumber) })),
    );
    const response = await createStatusResponse(responder, { producedAt, nextUpdate, answers, nonce });
    if (nonce !== undefined) return { response };
    return { response, cache: { producedAt, nextUpdate, until: new Date(producedAt.getTime() + STATUS_CACHED_MS) } };
  }

  async function authorityOf(ids: readonly CertificateId[]): Promise<AuthorityRow | undefined> {
    const rows = await store.listAuthorities(db);
    return rows.find((row) => {
      const parts = readCertificate(row.certificate);
      return ids.every((id) => isIssuedBy(id, parts));
    });
  }

  return {
    publishedList,
    renewList,

    /**
     * Answers an OCSPRequest (DER). What is no request, and what is asked of others' certificates, is answered too, as
     * RFC 6960, 2.3 has it.
     */
    async answerStatus(bytes: Buffer): Promise<StatusAnswer> {
      let request: StatusRequest;
      try {
        request = readStatusRequest(bytes);
      } catch (error) {
        if (error instanceof RangeError) return { response: createStatusError('malformedRequest') };
        throw error;
      }
      const cacheKey = request.nonce === undefined && request.ids.length === 1 ? bytes.toString('latin1') : undefined;
      const known = cacheKey === undefined ? undefined : kept.get(cacheKey);
      if (known?.cache && known.cache.until > clock.now()) return known;
      const row = await authorityOf(request.ids);
      if (row === undefined || row.private_key_sealed === null) return { response: createStatusError('unauthorized') };
      const made = await answer(row, request);
      if (cacheKey !== undefined) keep(cacheKey, made);
      return made;
    },

    /**
     * Takes a certificate's word back, from now on and for good. Its holder is issued a new one at the next signature.
     *
     * @throws DomainError certificate_not_found, certificate_foreign (ask the authority that issued it),
     * certificate_revoked, root_key_absent (its list can be signed only where the root's key is)
     */
    async revokeCertificate(command: {
      serialNumber: string;
      reason: RevocationReason;
      note: string;
      actor: string;
    }): Promise<CertificateRecord> {
      const { serialNumber, reason, note, actor } = command;
      return db.transaction().execute(async (tx) => {
        const found = await store.findCertificates(tx, serialNumber);
        const record = found.find((each) => each.authority_id !== null);
        if (record?.authority_id === undefined || record.authority_id === null) {
          throw new DomainError(found.length > 0 ? 'certificate_foreign' : 'certificate_not_found', { serialNumber });
        }
        const at = wholeSecond(clock.now());
        const row = await store.lockAuthority(tx, record.authority_id);
        if (!row || !(await store.markRevoked(tx, record, { at, reason: REVOCATION_REASONS[reason] }))) {
          throw new DomainError('certificate_revoked', { serialNumber });
        }
        await renewList(tx, row);
        await appendAudit(tx, {
          appId: record.app_id,
          actor,
          action: 'certificate.revoke',
          subject: `certificate:${serialNumber}`,
          detail: { holder_kind: record.holder_kind, holder_key: record.holder_key, reason, note },
          at: clock.now(),
        });
        kept.clear();
        return { ...record, revoked_at: at, revocation_reason: REVOCATION_REASONS[reason] };
      });
    },
  };

  function keep(cacheKey: string, made: StatusAnswer): void {
    const [oldest] = kept.keys();
    if (oldest !== undefined && kept.size >= STATUSES_KEPT_MAX) kept.delete(oldest);
    kept.set(cacheKey, made);
  }
}

/** Certificates of holders that the authority revoked, and the authorities below it. */
async function revocationsOf(tx: Transaction, row: AuthorityRow): Promise<Revocation[]> {
  const below = (await store.listAuthorities(tx)).filter((each) => each.issuer_id === row.authority_id);
  const revoked = [
    ...(await store.findRevocations(tx, row.authority_id)),
    ...below.map(({ certificate, revoked_at, revocation_reason }) => {
      const serial_number = serialNumberHex(readCertificate(certificate).serialNumber);
      return { serial_number, revoked_at, revocation_reason };
    }),
  ];
  return revoked.flatMap((each) =>
    each.revoked_at === null
      ? []
      : [{ serialNumber: each.serial_number, revokedAt: each.revoked_at, reason: each.revocation_reason ?? 0 }],
  );
}

/** A root that issues certificates itself has a list like an issuing authority's. */
function listTimes(row: AuthorityRow): { good: number; fresh: number } {
  return row.issuer_id === null && allowsAuthorities(row.certificate) ? LIST_MS.root : LIST_MS.issuing;
}

function published(row: { list: Buffer; this_update: Date; next_update: Date }): PublishedList {
  return { list: row.list, thisUpdate: row.this_update, nextUpdate: row.next_update };
}

/** Lists and answers hold no fractions of a second. */
function wholeSecond(at: Date): Date {
  return new Date(Math.floor(at.getTime() / 1000) * 1000);
}
