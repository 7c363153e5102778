import type { Executor } from '../platform/database/index.ts';
import type { TrustTables } from './tables.ts';

export type AuthorityRow = TrustTables['certificate_authority'];
export type CertificateRow = TrustTables['certificate'];
/** Whose certificate it is. */
export type HolderKey = { appId: string; kind: CertificateRow['holder_kind']; key: string };

/** A holder's current certificate together with its issuers'. */
export type CurrentCertificate = Pick<
  CertificateRow,
  | 'serial_number'
  | 'holder_name'
  | 'holder_identifier'
  | 'certificate'
  | 'issuer_chain'
  | 'key_store'
  | 'key_reference'
  | 'private_key_sealed'
  | 'not_before'
  | 'not_after'
  | 'authority_id'
> & {
  authority_certificate: Buffer | null;
  authority_revoked_at: Date | null;
  root_certificate: Buffer | null;
};

export async function findAuthority(db: Executor, authorityId: string): Promise<AuthorityRow | undefined> {
  return db
    .withTables<TrustTables>()
    .selectFrom('certificate_authority')
    .selectAll()
    .where('authority_id', '=', authorityId)
    .executeTakeFirst();
}

/** The authority that issues now, below the root. */
export async function findIssuingAuthority(db: Executor): Promise<AuthorityRow | undefined> {
  return db
    .withTables<TrustTables>()
    .selectFrom('certificate_authority')
    .selectAll()
    .where('issuer_id', 'is not', null)
    .where('superseded_at', 'is', null)
    .executeTakeFirst();
}

/** Leaves an authority that is already there as it is. */
export async function insertAuthorityOnce(
  db: Executor,
  row: Omit<AuthorityRow, 'superseded_at' | 'revoked_at' | 'revocation_reason'>,
): Promise<void> {
  await db
    .withTables<TrustTables>()
    .insertInto('certificate_authority')
    .values({ ...row, superseded_at: null, revoked_at: null, revocation_reason: null })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function supersedeAuthority(db: Executor, authorityId: string, at: Date): Promise<void> {
  await db
    .withTables<TrustTables>()
    .updateTable('certificate_authority')
    .set({ superseded_at: at })
    .where('authority_id', '=', authorityId)
    .where('superseded_at', 'is', null)
    .execute();
}

/** Null takes the key out. */
export async function putAuthorityKey(db: Executor, authorityId: string, sealed: Buffer | null): Promise<void> {
  await db
    .withTables<TrustTables>()
    .updateTable('certificate_authority')
    .set({ private_key_sealed: sealed })
    .where('authority_id', '=', authorityId)
    .execute();
}

export async function revokeAuthority(db: Executor, authorityId: string, at: Date, reason: number): Promise<void> {
  await db
    .withTables<TrustTables>()
    .updateTable('certificate_authority')
    .set({ revoked_at: at, revocation_reason: reason })
    .where('authority_id', '=', authorityId)
    .where('revoked_at', 'is', null)
    .execute();
}

export async function replaceRootCertificate(
  db: Executor,
  { certificate, notAfter }: { certificate: Buffer; notAfter: Date },
): Promise<void> {
  await db
    .withTables<TrustTables>()
    .updateTable('certificate_authority')
    .set({ certificate, not_after: notAfter })
    .where('issuer_id', 'is', null)
    .execute();
}

/** Their holders are issued others at their next signatures. */
export async function supersedeCertificatesOf(db: Executor, authorityId: string, at: Date): Promise<void> {
  await db
    .withTables<TrustTables>()
    .updateTable('certificate')
    .set({ superseded_at: at })
    .where('authority_id', '=', authorityId)
    .where('superseded_at', 'is', null)
    .execute();
}

/** The holder's newest certificate, the one to sign with; or the one of `serialNumber`, superseded or not. */
export async function findCertificate(
  db: Executor,
  { appId, kind, key }: HolderKey,
  serialNumber?: string,
): Promise<CurrentCertificate | undefined> {
  const ofHolder = db
    .withTables<TrustTables>()
    .selectFrom('certificate as c')
    .leftJoin('certificate_authority as a', 'a.authority_id', 'c.authority_id')
    .leftJoin('certificate_authority as r', 'r.authority_id', 'a.issuer_id')
    .select(['c.serial_number', 'c.holder_name', 'c.holder_identifier', 'c.certificate', 'c.issuer_chain'])
    .select(['c.key_store', 'c.key_reference', 'c.private_key_sealed', 'c.not_before', 'c.not_after', 'c.authority_id'])
    .select(['a.certificate as authority_certificate', 'a.revoked_at as authority_revoked_at'])
    .select('r.certificate as root_certificate')
    .where('c.app_id', '=', appId)
    .where('c.holder_kind', '=', kind)
    .where('c.holder_key', '=', key);
  return serialNumber === undefined
    ? ofHolder.where('c.superseded_at', 'is', null).executeTakeFirst()
    : ofHolder.where('c.serial_number', '=', serialNumber).executeTakeFirst();
}

export async function supersedeCertificate(
  db: Executor,
  holder: HolderKey,
  serialNumber: string,
  at: Date,
): Promise<void> {
  await db
    .withTables<TrustTables>()
    .updateTable('certificate')
    .set({ superseded_at: at })
    .where('app_id', '=', holder.appId)
    .where('holder_kind', '=', holder.kind)
    .where('holder_key', '=', holder.key)
    .where('serial_number', '=', serialNumber)
    .where('superseded_at', 'is', null)
    .execute();
}

/** Destroys the private keys of a person's certificates, which stay; answers how many there were. */
export async function eraseKeysOfPerson(
  db: Executor,
  { appId, personKey }: { appId: string; personKey: string },
  at: Date,
): Promise<number> {
  const { numUpdatedRows } = await db
    .withTables<TrustTables>()
    .updateTable('certificate')
    .set((eb) => ({ private_key_sealed: null, superseded_at: eb.fn.coalesce('superseded_at', eb.val(at)) }))
    .where('app_id', '=', appId)
    .where('holder_kind', '=', 'person')
    .where('holder_key', '=', personKey)
    .executeTakeFirst();
  return Number(numUpdatedRows);
}

/** False, and nothing done, when the holder has a current certificate by now. */
export async function insertCertificateOnce(
  db: Executor,
  row: Omit<CertificateRow, 'superseded_at' | 'revoked_at' | 'revocation_reason'>,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .withTables<TrustTables>()
    .insertInto('certificate')
    .values({ ...row, superseded_at: null, revoked_at: null, revocation_reason: null })
    .onConflict((conflict) =>
      conflict.columns(['app_id', 'holder_kind', 'holder_key']).where('superseded_at', 'is', null).doNothing(),
    )
    .executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
}

/** One that was imported before becomes current again, with the key's new place. */
export async function replaceImportedCertificate(
  db: Executor,
  row: Omit<CertificateRow, 'superseded_at' | 'revoked_at' | 'revocation_reason'>,
): Promise<void> {
  const { key_store, key_reference, private_key_sealed, issuer_chain } = row;
  await db
    .withTables<TrustTables>()
    .insertInto('certificate')
    .values({ ...row, superseded_at: null, revoked_at: null, revocation_reason: null })
    .onConflict((conflict) =>
      conflict
        .columns(['app_id', 'holder_kind', 'holder_key', 'serial_number'])
        .doUpdateSet({ key_store, key_reference, private_key_sealed, issuer_chain, superseded_at: null }),
    )
    .execute();
}
