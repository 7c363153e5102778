import type { Executor } from '../platform/database/index.ts';
import type { TrustTables } from './tables.ts';

type AuthorityRow = TrustTables['certificate_authority'];
type CertificateRow = TrustTables['certificate'];

/** A company's current certificate together with its issuer's. */
export type CurrentCertificate = Pick<
  CertificateRow,
  'serial_number' | 'company_name' | 'social_credit_code' | 'key_algorithm' | 'certificate' | 'not_before' | 'not_after'
> & { private_key_sealed: Buffer; authority_certificate: Buffer };

export async function findAuthority(db: Executor, authorityId: string): Promise<AuthorityRow | undefined> {
  return db
    .withTables<TrustTables>()
    .selectFrom('certificate_authority')
    .selectAll()
    .where('authority_id', '=', authorityId)
    .executeTakeFirst();
}

/** Leaves an authority that is already there as it is. */
export async function insertAuthorityOnce(db: Executor, row: AuthorityRow): Promise<void> {
  await db
    .withTables<TrustTables>()
    .insertInto('certificate_authority')
    .values(row)
    .onConflict((conflict) => conflict.column('authority_id').doNothing())
    .execute();
}

export async function findCurrentCertificate(
  db: Executor,
  appId: string,
  etcOrgNo: string,
): Promise<CurrentCertificate | undefined> {
  return db
    .withTables<TrustTables>()
    .selectFrom('certificate as c')
    .innerJoin('certificate_authority as a', 'a.authority_id', 'c.authority_id')
    .select(['c.serial_number', 'c.company_name', 'c.social_credit_code', 'c.key_algorithm', 'c.certificate'])
    .select(['c.private_key_sealed', 'c.not_before', 'c.not_after', 'a.certificate as authority_certificate'])
    .where('c.app_id', '=', appId)
    .where('c.etc_org_no', '=', etcOrgNo)
    .where('c.superseded_at', 'is', null)
    .executeTakeFirst();
}

export async function supersedeCertificate(
  db: Executor,
  key: { appId: string; etcOrgNo: string; serialNumber: string },
  at: Date,
): Promise<void> {
  await db
    .withTables<TrustTables>()
    .updateTable('certificate')
    .set({ superseded_at: at })
    .where('app_id', '=', key.appId)
    .where('etc_org_no', '=', key.etcOrgNo)
    .where('serial_number', '=', key.serialNumber)
    .where('superseded_at', 'is', null)
    .execute();
}

/** Does nothing when the company has a current certificate by now. */
export async function insertCertificateOnce(db: Executor, row: CertificateRow): Promise<void> {
  await db
    .withTables<TrustTables>()
    .insertInto('certificate')
    .values(row)
    .onConflict((conflict) => conflict.columns(['app_id', 'etc_org_no']).where('superseded_at', 'is', null).doNothing())
    .execute();
}
