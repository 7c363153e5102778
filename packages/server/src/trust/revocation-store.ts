import type { Executor, Transaction } from '../platform/database/index.ts';
import { readCertificate, serialNumberHex } from './certificate-reader.ts';
import type { AuthorityRow, CertificateRow } from './store.ts';
import type { TrustTables } from './tables.ts';

type ListRow = TrustTables['revocation_list'];
type ServiceRow = TrustTables['service_certificate'];

/** A certificate's record without its key. */
export type CertificateRecord = Omit<CertificateRow, 'private_key_sealed' | 'issuer_chain'>;

const RECORD = [
  'app_id',
  'holder_kind',
  'holder_key',
  'serial_number',
  'authority_id',
  'holder_name',
  'holder_identifier',
  'key_algorithm',
  'certificate',
  'key_store',
  'key_reference',
  'not_before',
  'not_after',
  'superseded_at',
  'created_at',
  'revoked_at',
  'revocation_reason',
] as const satisfies readonly (keyof CertificateRecord)[];

/** All authorities, the root first: a handful. */
export async function listAuthorities(db: Executor): Promise<AuthorityRow[]> {
  return db
    .withTables<TrustTables>()
    .selectFrom('certificate_authority')
    .selectAll()
    .orderBy('issuer_id', (order) => order.nullsFirst())
    .orderBy('created_at')
    .execute();
}

/** Certificates, the newest first. */
export async function listCertificates(
  db: Executor,
  filter: { appId?: string; holderKey?: string; limit: number },
): Promise<CertificateRecord[]> {
  let query = db.withTables<TrustTables>().selectFrom('certificate').select(RECORD);
  if (filter.appId !== undefined) query = query.where('app_id', '=', filter.appId);
  if (filter.holderKey !== undefined) query = query.where('holder_key', '=', filter.holderKey);
  return query.orderBy('created_at', 'desc').limit(filter.limit).execute();
}

/** Serial numbers of ours are random and our own; one of another authority may be short and stand twice. */
export async function findCertificates(db: Executor, serialNumber: string): Promise<CertificateRecord[]> {
  return db
    .withTables<TrustTables>()
    .selectFrom('certificate')
    .select(RECORD)
    .where('serial_number', '=', serialNumber)
    .execute();
}

/** The issuers of another authority's certificate, DER one after another. */
export async function findIssuerChain(db: Executor, certificate: Buffer): Promise<Buffer | undefined> {
  const row = await db
    .withTables<TrustTables>()
    .selectFrom('certificate')
    .select('issuer_chain')
    .where('serial_number', '=', serialNumberHex(readCertificate(certificate).serialNumber))
    .where('certificate', '=', certificate)
    .executeTakeFirst();
  return row?.issuer_chain ?? undefined;
}

/** Whether the certificate was good until now; one that is revoked already stays as it is. */
export async function markRevoked(
  tx: Transaction,
  record: CertificateRecord,
  { at, reason }: { at: Date; reason: number },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .withTables<TrustTables>()
    .updateTable('certificate')
    .set((row) => ({
      revoked_at: at,
      revocation_reason: reason,
      superseded_at: row.fn.coalesce('superseded_at', row.val(at)),
    }))
    .where('app_id', '=', record.app_id)
    .where('holder_kind', '=', record.holder_kind)
    .where('holder_key', '=', record.holder_key)
    .where('serial_number', '=', record.serial_number)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** What the authority's list says: certificates of holders, and authorities below it. */
export async function findRevocations(
  db: Executor,
  authorityId: string,
): Promise<{ serial_number: string; revoked_at: Date | null; revocation_reason: number | null }[]> {
  return db
    .withTables<TrustTables>()
    .selectFrom('certificate')
    .select(['serial_number', 'revoked_at', 'revocation_reason'])
    .where('authority_id', '=', authorityId)
    .where('revoked_at', 'is not', null)
    .orderBy('revoked_at')
    .execute();
}

/** The authority's row, locked: its list has one next number. */
export async function lockAuthority(tx: Transaction, authorityId: string): Promise<AuthorityRow | undefined> {
  return tx
    .withTables<TrustTables>()
    .selectFrom('certificate_authority')
    .selectAll()
    .where('authority_id', '=', authorityId)
    .forUpdate()
    .executeTakeFirst();
}

export async function findRevocationList(db: Executor, authorityId: string): Promise<ListRow | undefined> {
  return db
    .withTables<TrustTables>()
    .selectFrom('revocation_list')
    .selectAll()
    .where('authority_id', '=', authorityId)
    .executeTakeFirst();
}

export async function putRevocationList(tx: Transaction, row: ListRow): Promise<void> {
  await tx
    .withTables<TrustTables>()
    .insertInto('revocation_list')
    .values(row)
    .onConflict((conflict) => conflict.column('authority_id').doUpdateSet(row))
    .execute();
}

/** The service's own certificate that lasts longest. */
export async function findServiceCertificate(
  db: Executor,
  authorityId: string,
  purpose: ServiceRow['purpose'],
): Promise<ServiceRow | undefined> {
  return db
    .withTables<TrustTables>()
    .selectFrom('service_certificate')
    .selectAll()
    .where('authority_id', '=', authorityId)
    .where('purpose', '=', purpose)
    .orderBy('not_after', 'desc')
    .limit(1)
    .executeTakeFirst();
}

export async function isServiceCertificate(db: Executor, authorityId: string, serialNumber: string): Promise<boolean> {
  const row = await db
    .withTables<TrustTables>()
    .selectFrom('service_certificate')
    .select('purpose')
    .where('authority_id', '=', authorityId)
    .where('serial_number', '=', serialNumber)
    .executeTakeFirst();
  return row !== undefined;
}

export async function insertServiceCertificate(db: Executor, row: ServiceRow): Promise<void> {
  await db.withTables<TrustTables>().insertInto('service_certificate').values(row).execute();
}
