import { sql } from 'kysely';
import type { Executor, Transaction } from '../platform/database/index.ts';
import type { RegisteredCompany } from './factors.ts';
import type { SubbranchRow } from './tables.ts';

/** A line of an imported company register. */
export interface RegisterEntry {
  readonly orgCode: string;
  readonly orgName: string;
  readonly legalRepName: string | null;
  readonly legalRepIdHash: Buffer | null;
  readonly isClosed: boolean;
}

/** The company of this code as the register has it, and whether there is a register at all. */
export async function findRegistered(
  executor: Executor,
  orgCode: string,
  idHash: Buffer | null,
): Promise<{ company: RegisteredCompany | undefined; registerIsEmpty: boolean }> {
  const { rows } = await sql<RegisteredCompany>`
    select company_name as "orgName", legal_rep_name as "legalRepName", is_closed as "isClosed",
           legal_rep_id_hash = ${idHash}::bytea as "legalRepIdMatches"
    from company_register where org_code = ${orgCode}
  `.execute(executor);
  const [company] = rows;
  if (company !== undefined) return { company, registerIsEmpty: false };
  const any = await sql`select 1 from company_register limit 1`.execute(executor);
  return { company: undefined, registerIsEmpty: any.rows.length === 0 };
}

/** Adds companies or replaces what the register said of them. Of a code that comes twice the last line counts. */
export async function upsertRegister(tx: Transaction, entries: readonly RegisterEntry[], at: Date): Promise<void> {
  const unique = [...new Map(entries.map((entry) => [entry.orgCode, entry])).values()];
  await sql`
    insert into company_register (org_code, company_name, legal_rep_name, legal_rep_id_hash, is_closed, imported_at)
    select told.org_code, told.company_name, told.legal_rep_name, decode(told.id_hash, 'hex'), told.is_closed, ${at}
    from unnest(
      ${unique.map((entry) => entry.orgCode)}::text[], ${unique.map((entry) => entry.orgName)}::text[],
      ${unique.map((entry) => entry.legalRepName)}::text[],
      ${unique.map((entry) => entry.legalRepIdHash?.toString('hex') ?? null)}::text[],
      ${unique.map((entry) => entry.isClosed)}::boolean[]
    ) as told (org_code, company_name, legal_rep_name, id_hash, is_closed)
    on conflict (org_code) do update set
      company_name = excluded.company_name, legal_rep_name = excluded.legal_rep_name,
      legal_rep_id_hash = excluded.legal_rep_id_hash, is_closed = excluded.is_closed, imported_at = excluded.imported_at
  `.execute(tx);
}

export async function upsertSubbranches(tx: Transaction, rows: readonly SubbranchRow[]): Promise<void> {
  const unique = [...new Map(rows.map((row) => [row.cnaps_code, row])).values()];
  await sql`
    insert into bank_subbranch (cnaps_code, bank_name, bank, province, city)
    select * from unnest(
      ${unique.map((row) => row.cnaps_code)}::text[], ${unique.map((row) => row.bank_name)}::text[],
      ${unique.map((row) => row.bank)}::text[], ${unique.map((row) => row.province)}::text[],
      ${unique.map((row) => row.city)}::text[]
    )
    on conflict (cnaps_code) do update set
      bank_name = excluded.bank_name, bank = excluded.bank, province = excluded.province, city = excluded.city
  `.execute(tx);
}

/** Imported branches whose name holds `keyWord`, or the one with `cnapsCode`; the shortest names first. */
export async function searchSubbranches(
  executor: Executor,
  query: { keyWord: string | null; cnapsCode: string | null; rowsMax: number },
): Promise<SubbranchRow[]> {
  const pattern = query.keyWord === null ? null : `%${query.keyWord.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
  const { rows } = await sql<SubbranchRow>`
    select cnaps_code, bank_name, bank, province, city from bank_subbranch
    where (${query.cnapsCode}::text is null or cnaps_code = ${query.cnapsCode})
      and (${pattern}::text is null or bank_name like ${pattern})
    order by length(bank_name), bank_name limit ${query.rowsMax}
  `.execute(executor);
  return rows;
}
