import { inTransactionRetried } from '../platform/database/index.ts';
import { appendAudit } from '../audit/index.ts';
import { orgOwner, refused, sealText, type IdentityContext } from './context.ts';
import { assertFactors, factorFault } from './factor-source.ts';
import type { FactorFault } from './factors.ts';
import { residentIdFault } from './resident-id.ts';
import { isSameCompany } from './start.ts';
import { saveOrgAuthInfo as storeOrgAuthInfo } from './store.ts';
import type { Comparison, CompareOrganization, ComparePerson, SaveOrgAuthInfo } from './terms.ts';

const MATCH = '信息比对一致';
const FIELD_NAMES = {
  orgName: '企业名称',
  orgCode: '企业证件号',
  legalRepName: '法定代表人姓名',
  legalRepIdNo: '法定代表人证件号',
} as const;
const REASONS = {
  required: '不能为空',
  spaces: '含有多余空格',
  format: '格式不正确',
  check_digit: '校验位不正确',
  mismatch: '与登记信息不一致',
} as const;

/** What a fault says to a person. */
export function faultMessage(fault: FactorFault): string {
  return `${FIELD_NAMES[fault.field]}${REASONS[fault.reason]}`;
}

/** Two to four factors of a company, answered without beginning a flow. @throws DomainError factor_source_failed */
export async function compareOrganization(context: IdentityContext, told: CompareOrganization): Promise<Comparison> {
  const { legalRepIdNo, ...factors } = told;
  const fault = await factorFault(context, {
    ...factors,
    legalRep: legalRepIdNo === null ? null : { idNo: legalRepIdNo, certType: 'INDIVIDUAL_CH_IDCARD' },
  });
  return fault === undefined ? { result: true, message: MATCH } : { result: false, message: faultMessage(fault) };
}

/** GB 11643 for the number, the national numbering plan for the mobile. No source of persons is asked. */
export function comparePerson({ name, idNumber, mobile }: ComparePerson): Comparison {
  if (name.trim() === '' || /\s{2}|^\s|\s$/u.test(name)) return { result: false, message: '姓名格式不正确' };
  const fault = residentIdFault(idNumber);
  if (fault !== undefined) return { result: false, message: `身份证号${REASONS[fault]}` };
  if (mobile !== null && !/^1[3-9]\d{9}$/.test(mobile)) return { result: false, message: '手机号格式不正确' };
  return { result: true, message: MATCH };
}

/**
 * Keeps what a company's verification needs, so that its member need not type it.
 *
 * @throws DomainError org_not_found, identity_invalid, factor_source_failed
 */
export async function saveOrgAuthInfo(context: IdentityContext, command: SaveOrgAuthInfo): Promise<void> {
  const { appId, etcOrgNo, company, legalRepIdNo, actor } = command;
  const org = await context.parties.findOrg(context.db, appId, etcOrgNo);
  if (org === undefined) throw refused('org_not_found', { etcOrgNo });
  const difference = isSameCompany(org, company);
  if (difference !== undefined) throw refused('identity_invalid', { field: difference, reason: 'mismatch' });
  await assertFactors(context, { ...company, legalRep: { idNo: legalRepIdNo, certType: 'INDIVIDUAL_CH_IDCARD' } });
  const owner = orgOwner(appId, etcOrgNo);
  const at = context.clock.now();
  await inTransactionRetried(context.db, async (tx) => {
    await storeOrgAuthInfo(tx, {
      app_id: appId,
      etc_org_no: etcOrgNo,
      company_name: company.orgName,
      org_code: company.orgCode,
      legal_rep_name: company.legalRepName,
      legal_rep_id_sealed: sealText(context, owner, 'legal_rep_id', legalRepIdNo),
      legal_rep_mobile_sealed: sealText(context, owner, 'mobile', command.legalRepMobile),
      further_sealed: sealText(context, owner, 'further', JSON.stringify(command.further)),
      updated_at: at,
    });
    const detail = { orgCode: company.orgCode };
    await appendAudit(tx, { appId, actor, action: 'org.save_auth_info', subject: `org:${etcOrgNo}`, detail, at });
  });
}
