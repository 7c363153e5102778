import { inTransactionRetried } from '../platform/database/index.ts';
import { createHmac } from 'node:crypto';
import { appendAudit } from '../audit/index.ts';
import type { Vault } from '../platform/vault.ts';
import type { IdentityContext } from './context.ts';
import { refused } from './context.ts';
import { readCsv } from './csv.ts';
import { formFault } from './factors.ts';
import { upsertRegister, upsertSubbranches, type RegisterEntry } from './register-store.ts';
import type { SubbranchRow } from './tables.ts';

/** What an installation does belongs to no application. */
const INSTALLATION = '*';
const ROWS_AT_ONCE = 1_000;

const REGISTER_COLUMNS = {
  orgCode: ['org_code', '统一社会信用代码', '注册号'],
  orgName: ['name', 'org_name', '企业名称', '名称'],
  legalRepName: ['legal_rep_name', '法定代表人', '法定代表人姓名'],
  legalRepId: ['legal_rep_id', '法定代表人证件号', '法定代表人身份证号'],
  status: ['status', '登记状态', '经营状态'],
} as const;
const SUBBRANCH_COLUMNS = {
  cnapsCode: ['cnaps_code', '联行号', '行号'],
  bankName: ['bank_name', '支行名称', '行名'],
  bank: ['bank', '总行名称', '银行'],
  province: ['province', '省份', '省'],
  city: ['city', '城市', '市'],
} as const;

/** Words of a register for a company that is no more, or not here. */
const CLOSED = /注销|吊销|撤销|迁出|停业|closed|revoked/i;

/** The register keeps a keyed hash of the legal representative's number: it is compared and never shown. */
export function registerIdHash(vault: Pick<Vault, 'deriveKey'>, idNo: string): Buffer {
  return createHmac('sha256', vault.deriveKey('register_legal_rep_id')).update(idNo.toUpperCase(), 'utf8').digest();
}

/** Adds the companies of a CSV file, or replaces what the register said of them; all of the file or nothing. */
export async function importRegister(
  context: IdentityContext,
  { csv, actor }: { csv: Buffer; actor: string },
): Promise<{ companies: number }> {
  const rows = await readCsv(csv, REGISTER_COLUMNS, ['orgCode', 'orgName']);
  const entries = rows.map(({ line, values }): RegisterEntry => {
    const { orgCode = '', orgName = '', legalRepName = '', legalRepId = '', status = '' } = values;
    const fault = formFault({ orgCode, orgName, legalRepName: legalRepName || null, legalRep: null });
    if (fault !== undefined)
      throw refused('register_invalid', { line: String(line), reason: `${fault.field} ${fault.reason}` });
    return {
      orgCode,
      orgName,
      legalRepName: legalRepName || null,
      legalRepIdHash: legalRepId === '' ? null : registerIdHash(context.vault, legalRepId),
      isClosed: CLOSED.test(status),
    };
  });
  const at = context.clock.now();
  await inTransactionRetried(context.db, async (tx) => {
    for (const part of partsOf(entries)) await upsertRegister(tx, part, at);
    const detail = { companies: entries.length };
    const entry = { appId: INSTALLATION, actor, action: 'register.import', subject: 'company_register', detail, at };
    await appendAudit(tx, entry);
  });
  return { companies: entries.length };
}

/** Adds branches of banks, or replaces them; all of the file or nothing. */
export async function importSubbranches(
  context: IdentityContext,
  { csv, actor }: { csv: Buffer; actor: string },
): Promise<{ subbranches: number }> {
  const rows = await readCsv(csv, SUBBRANCH_COLUMNS, ['cnapsCode', 'bankName', 'bank', 'province', 'city']);
  const branches = rows.map(({ line, values }): SubbranchRow => {
    const { cnapsCode = '', bankName = '', bank = '', province = '', city = '' } = values;
    if (!/^\d{12}$/.test(cnapsCode) || bankName === '') {
      throw refused('register_invalid', {
        line: String(line),
        reason: 'cnapsCode is 12 digits, bankName is not empty',
      });
    }
    return { cnaps_code: cnapsCode, bank_name: bankName, bank, province, city };
  });
  await inTransactionRetried(context.db, async (tx) => {
    for (const part of partsOf(branches)) await upsertSubbranches(tx, part);
    const detail = { subbranches: branches.length };
    const entry = { appId: INSTALLATION, actor, action: 'subbranches.import', subject: 'bank_subbranch', detail };
    await appendAudit(tx, { ...entry, at: context.clock.now() });
  });
  return { subbranches: branches.length };
}

function partsOf<Row>(rows: readonly Row[]): Row[][] {
  return Array.from({ length: Math.ceil(rows.length / ROWS_AT_ONCE) }, (_, index) =>
    rows.slice(index * ROWS_AT_ONCE, (index + 1) * ROWS_AT_ONCE),
  );
}
