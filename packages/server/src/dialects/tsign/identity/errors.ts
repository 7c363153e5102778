import type { BankErrorCode } from '../../../bank/index.ts';
import type { IdentityErrorCode } from '../../../identity/index.ts';
import type { Refusal } from '../refusal.ts';

type Params = Readonly<Record<string, string>>;

/** Errors of the member's page and of operators, which no call of this dialect ends with. */
type ElsewhereCode =
  | 'letter_not_waiting'
  | 'member_token_invalid'
  | 'member_token_expired'
  | 'member_not_found'
  | 'org_not_found'
  | 'flow_open'
  | 'not_verified'
  | 'seal_variant_unknown'
  | 'register_invalid'
  // The contract has no word for it: 30500000, with the id of the log line that an operator needs.
  | 'sub_accounts_exhausted';

export type IdentityRefusalCode =
  | Exclude<IdentityErrorCode, ElsewhereCode>
  | Extract<BankErrorCode, 'payment_order_invalid'>;

const answer = (code: number, message: string): Refusal => ({ code, message });

/** What each field is called in the contract. */
const FIELD_NAMES: Readonly<Record<string, string>> = { orgName: 'name' };
const fieldOf = (params: Params): string => FIELD_NAMES[params['field'] ?? ''] ?? params['field'] ?? '';

/** The contract's codes for an empty field (contracts/tsign-identity.md, Errors). */
export const EMPTY_FIELDS: Readonly<Record<string, Refusal>> = {
  flowId: answer(30500102, 'flowId参数缺失，请检查请求地址中的flowId'),
  name: answer(30500103, '组织机构名称不能为空，请传入name'),
  legalRepName: answer(30500113, '组织机构法定代表人姓名不能为空，请传入legalRepName'),
  legalRepIdNo: answer(30500114, '组织机构法定代表人证件号不能为空，请传入legalRepIdNo'),
};

/** A field that must be there and is not. */
export function emptyField(name: string): Refusal {
  return EMPTY_FIELDS[name] ?? answer(30500100, `缺少参数:${name}，请核实参数是否传入正确`);
}

function invalid(params: Params): Refusal {
  const field = fieldOf(params);
  const { reason } = params;
  if (reason === 'required') return emptyField(field);
  if (reason === 'spaces') return answer(30500116, `格式校验不通过，请检查${field}是否有多余空格`);
  if (reason === 'mismatch') return answer(30504001, `信息比对不通过，请检查${field}的正确性`);
  const what = reason === 'check_digit' ? '校验位' : '格式';
  return answer(30500101, `参数错误:${field}${what}不正确，请核实参数是否传入正确`);
}

/** What a caller reads for each error of company verification: the contract's code, and what to do. */
export const IDENTITY_REFUSALS = {
  verification_not_found: () => answer(30500004, '认证流程不存在，请核实当前流程id是否正确'),
  verification_ended: () => answer(30500002, '认证流程已结束，请重新发起认证流程'),
  verification_expired: () => answer(30500003, '认证流程已失效，请重新发起认证'),
  identity_invalid: invalid,
  factor_source_failed: (params: Params) =>
    answer(30504002, `数据源查询失败，请联系服务人员处理，ID:${params['id'] ?? ''}`),
  already_verified: () => answer(30500152, '当前账户已实名，无需重复认证'),
  account_not_found: () => answer(30500156, '账号不存在，请检查accountId和agentAccountId的正确性'),
  account_incomplete: (params: Params) =>
    answer(30500155, `企业组织用户基本信息缺少必要属性:${fieldOf(params)}，请先补充企业资料`),
  no_bank_channel: () => answer(30500200, '未找到应用配置，尚未配置可用的收款银行通道，请联系服务人员处理'),
  letter_file_not_found: () => answer(30500101, '参数错误:authLetterFileId对应的文件不存在，请先上传文件'),
  transfer_limit_reached: () => answer(30500052, '打款次数已达上限，请使用其他方式认证'),
  transfer_missing: () => answer(30502013, '没有可校验的打款，请重新发起打款'),
  random_amount_wrong: (params: Params) =>
    answer(30502002, `金额校验失败，请核实收到的金额，还可校验${params['remaining'] ?? ''}次`),
  random_amount_misses_exhausted: () => answer(30502003, '验证次数超过限制，认证流程已失败，请重新发起认证'),
  random_amount_expired: () => answer(30502014, '回填金额已过时效性，请重新发起打款'),
  notify_url_invalid: () => answer(30500101, '参数错误:notifyUrl应为可访问的http(s)地址'),
  seal_character_missing: (params: Params) =>
    answer(30500101, `参数错误:企业信息含有无法显示的文字:${params['characters'] ?? ''}，请联系服务人员处理`),
  payment_order_invalid: (params: Params) =>
    answer(30500101, `参数错误:${params['field'] ?? ''}不正确，请核实收款账户信息`),
} satisfies Record<IdentityRefusalCode, (params: Params) => Refusal>;
