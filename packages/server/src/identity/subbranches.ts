import { isOver, refused, type IdentityContext } from './context.ts';
import { BANKS } from './banks.ts';
import { findFlow } from './store.ts';
import { searchSubbranches } from './register-store.ts';
import type { FlowKey, Subbranch } from './terms.ts';

const FOUND_MAX = 20;

/**
 * Banks by a part of their name or by their CNAPS code: branches that the operator imported, then head offices.
 *
 * @throws DomainError verification_not_found, _expired
 */
export async function subbranches(
  { db, clock }: IdentityContext,
  { appId, flowId, keyWord, cnapsCode }: FlowKey & { keyWord: string | null; cnapsCode: string | null },
): Promise<{ list: readonly Subbranch[] }> {
  const flow = await findFlow(db, { appId, flowId });
  if (flow === undefined) throw refused('verification_not_found', { flowId });
  if (isOver(flow, clock.now())) throw refused('verification_expired', { flowId });
  const imported = await searchSubbranches(db, { keyWord, cnapsCode, rowsMax: FOUND_MAX });
  const known = new Set(imported.map((row) => row.cnaps_code));
  const offices = BANKS.filter(
    (bank) =>
      !known.has(bank.cnapsCode) &&
      (cnapsCode === null || bank.cnapsCode === cnapsCode) &&
      (keyWord === null || bank.bankName.includes(keyWord) || keyWord.includes(bank.bank)),
  );
  const list = [
    ...imported.map(({ bank_name: bankName, bank, cnaps_code, city, province }) => ({
      bankName,
      bank,
      cnapsCode: cnaps_code,
      city,
      province,
    })),
    ...offices,
  ];
  return { list: list.slice(0, FOUND_MAX) };
}
