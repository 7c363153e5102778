import type { AppErrorCode } from '../../../apps/index.ts';
import type { IdentityErrorCode } from '../../../identity/index.ts';
import type { PartyErrorCode } from '../../../parties/index.ts';
import type { DomainError } from '../../../platform/errors.ts';
import type { QuotaErrorCode } from '../../../quotas/index.ts';
import type { ReceiptErrorCode } from '../../../receipts/index.ts';
import type { ReviewErrorCode, SealErrorCode } from '../../../seals/index.ts';
import type { EraseErrorCode, RemindErrorCode, SigningErrorCode } from '../../../signing/index.ts';
import { receiptFault } from './receipt-faults.ts';

/** A code of the contract and its words (contracts/etc-gateway.md, Codes). */
export interface Answer {
  readonly code: string;
  /** At most 255 characters. */
  readonly msg: string;
}

/** The answers that the gateway itself gives, before and around the commands. */
export const ANSWERS = {
  success: { code: '000', msg: '成功' },
  unknownApp: { code: '400001', msg: 'appId不正确' },
  appDisabled: { code: '400002', msg: '接口已停用' },
  signatureWrong: { code: '401001', msg: '验证签名失败' },
  nestedParamsRefused: {
    code: '401001',
    msg: '验证签名失败：本应用不接受未被签名覆盖的嵌套参数，请改用request_content',
  },
  notPermitted: { code: '401002', msg: '无权限访问当前接口' },
  timeWrong: { code: '403001', msg: '请求时间非法或已过期' },
  repeated: { code: '403002', msg: '请勿重复请求' },
  unknownApi: { code: '404001', msg: '接口不存在' },
  tooFast: { code: '429', msg: '请求过于频繁，请稍后再试' },
  internal: { code: '500', msg: '系统异常' },
} as const satisfies Record<string, Answer>;

/** What is wrong with a request's form. Everything of this kind is code 400. */
export const FORM = {
  empty: (name: string): Answer => ({ code: '400', msg: `参数${name}不能为空` }),
  wrong: (name: string, expected: string): Answer => ({ code: '400', msg: `参数${name}应为${expected}` }),
  repeatedKey: (name: string): Answer => ({ code: '400', msg: `参数${name}重复` }),
  tooMany: (name: string, max: number): Answer => ({ code: '400', msg: `参数${name}的字段不能超过${max}个` }),
  bodyTooMany: (max: number): Answer => ({ code: '400', msg: `请求报文的字段不能超过${max}个` }),
  bothDialects: { code: '400', msg: '参数app_id与appId不能同时出现' },
  shadowed: (name: string): Answer => ({ code: '400', msg: `参数params.${name}与公共参数重名` }),
  notJson: { code: '400', msg: '请求报文应为UTF-8编码的JSON对象' },
  tooDeep: { code: '400', msg: '请求报文嵌套过深' },
  tooLarge: { code: '400', msg: '请求报文不能超过2MB' },
  notPost: { code: '400', msg: '请求方法应为POST' },
} as const;

/** Ends a request with an answer other than success. */
export class GatewayRefusal extends Error {
  override readonly name = 'GatewayRefusal';
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(`${answer.code} ${answer.msg}`);
    this.answer = answer;
  }
}

type Params = Readonly<Record<string, string>>;
/** Of seals, what keeps a company's document from being signed. */
type SealCode = Extract<SealErrorCode, 'seal_not_reviewed' | 'seal_rejected' | 'seal_character_missing'>;
/** Of company verification, what the api codes here can end with. */
type IdentityCode = Extract<IdentityErrorCode, 'identity_invalid' | 'factor_source_failed' | 'member_not_found'>;
type DomainCode =
  | EraseErrorCode
  | RemindErrorCode
  | AppErrorCode
  | PartyErrorCode
  | SigningErrorCode
  | IdentityCode
  | QuotaErrorCode
  | ReviewErrorCode
  | SealCode
  | ReceiptErrorCode;

const bad = (msg: string): Answer => ({ code: '400', msg });

/**
 * What a caller reads for each error of the commands behind this gateway. The source has no e-sign codes: the five of
 * a revoke are e签宝's numbers, the rest are 400 with the way out.
 */
const DOMAIN_ANSWERS = {
  app_not_found: () => ANSWERS.unknownApp,
  // The one field of an app that a caller sets.
  app_invalid: () => bad('参数notify_url应为不超过512个字符的http(s)地址'),

  org_not_found: () => bad('参数etc_org_no对应的机构不存在，请核对机构编号'),
  parent_org_not_found: () => bad('参数parent_biz_org_no对应的上级机构不存在，请先创建上级机构'),
  org_conflict: () => bad('参数biz_org_no已创建过机构且资料不一致，请核对资料或更换编号'),
  member_conflict: () => bad('参数biz_member_no已创建过用户且资料不一致，请核对资料或更换编号'),
  party_invalid: (params: Params) => bad(`参数${params['field'] ?? ''}应为${params['expected'] ?? ''}`),

  identity_invalid: (params: Params) => bad(identityFault(params)),
  factor_source_failed: (params: Params) => ({
    code: '500',
    msg: `数据源查询失败，请联系服务人员处理，ID:${params['id'] ?? ''}`,
  }),

  member_not_found: () => bad('参数etc_member_no对应的用户不存在，请先创建用户'),
  company_not_verified: () => bad('发起方企业未认证，不能静默签署，请先完成企业认证'),
  silent_signing_not_agreed: () => bad('发起方企业未同意静默签署，请由企业用户在认证页面同意'),
  no_sign_fields: () => bad('没有任何签署区，请至少为一个签署方设置signfields'),
  sign_field_invalid: (params: Params) => bad(`参数signfields不正确：${params['reason'] ?? ''}`),
  notify_url_invalid: () => bad('参数notifyUrl应为可访问的http(s)地址'),
  sign_validity_passed: () => bad('参数signValidity应晚于当前时间'),
  too_many_signers: (params: Params) => bad(`签署方不能超过${params['limit'] ?? ''}个`),
  too_many_sign_fields: (params: Params) => bad(`签署区不能超过${params['limit'] ?? ''}个`),

  contract_quota_used_up: () => bad('剩余合同份数不足，请先订购合同（esign.contract.order）'),
  contract_quota_invalid: (params: Params) => bad(`参数${params['field'] ?? ''}应为1到1000000的整数，且合计不超过上限`),
  contract_order_conflict: () => bad('参数bizRequestNo已用于其他订购，请核对或更换编号'),

  seal_not_found: () => bad('参数seal_id对应的印章不存在，请核对机构编号和印章编号'),
  seal_already_reviewed: () => bad('印章已审核或已停用，不能再次审核'),

  signer_not_found: () => bad('参数idNumber对应的签署人不在本流程中，请核对身份证号'),
  signer_not_waiting: () => bad('该签署人已签署，或尚未轮到其签署，无需催签'),
  reminded_too_soon: (params: Params) => bad(`催签过于频繁，请${params['retryAfter'] ?? ''}秒后再试`),
  signer_not_reachable: () => bad('无法向该签署人发送消息，请核对其手机号'),

  person_has_open_flows: (params: Params) =>
    bad(`该用户有${params['count'] ?? ''}个未结束的签署流程，请先撤销或待其结束后再删除`),
  person_ambiguous: () => bad('该手机号对应多个身份证号，请改用身份证号删除'),

  seal_not_reviewed: () => bad('企业印章待审核，请审核通过后重试'),
  seal_rejected: () => bad('企业印章审核未通过，请更换印章后重试'),
  seal_character_missing: (params: Params) => bad(`印章字库缺少“${params['characters'] ?? ''}”`),

  receipt_invalid: (params: Params) => bad(receiptFault(params)),
  receipt_notify_url_invalid: () => bad('参数notify_url应为可访问的http(s)地址'),
  receipt_company_missing: () => bad('没有可开具收据的企业：企业须已认证，自动签署时须同意静默签署'),
  receipt_company_ambiguous: () => bad('有多家企业可开具收据，请用参数etc_org_no指定'),
  receipt_member_missing: () => bad('没有可签署收据的用户：auto_execute为false时，企业须有留了手机号的用户'),
  receipt_member_ambiguous: () => bad('企业有多位用户可签署收据，请用参数etc_member_no指定'),
  receipt_conflict: () => bad('参数biz_params.T001001的收据编号已开具过且内容不一致，请核对或更换编号'),
  receipt_not_found: () => bad('参数sign_flow_id对应的收据不存在'),
  receipt_not_signed: () => bad('收据尚未签署完成，请稍后再试'),

  flow_not_found: () => ({ code: '1435011', msg: '流程不存在，请核对flowId' }),
  flow_not_signing: () => ({ code: '1437111', msg: '流程不在签署中，不能撤销或催签，请查询流程的当前状态' }),
  flow_already_revoked: () => ({ code: '1437168', msg: '流程已撤销，无需再次撤销' }),
  not_initiator: () => ({ code: '1437148', msg: '不是流程的发起人，请由发起流程的etc_member_no撤销' }),
  reason_too_long: (params: Params) => ({
    code: '1438108',
    msg: `撤销原因过长，请不要超过${params['limit'] ?? '64'}个字符`,
  }),
} satisfies Record<DomainCode, (params: Params) => Answer>;

const AUTH_INFO_FIELDS: Readonly<Record<string, string>> = {
  orgName: 'biz_license_info.name',
  orgCode: 'biz_license_info.cert_no',
  legalRepName: 'legal_id_card_info.legal_name',
  legalRepIdNo: 'legal_id_card_info.cert_no',
};
const AUTH_INFO_REASONS: Readonly<Record<string, string>> = {
  required: '不能为空',
  spaces: '含有多余空格',
  format: '格式不正确',
  check_digit: '校验位不正确',
  mismatch: '与已有的企业资料不一致，请核对后重新提交',
};

function identityFault(params: Params): string {
  const field = AUTH_INFO_FIELDS[params['field'] ?? ''] ?? params['field'] ?? '';
  return `参数${field}${AUTH_INFO_REASONS[params['reason'] ?? ''] ?? '不正确'}`;
}

function isDomainCode(code: string): code is DomainCode {
  return Object.hasOwn(DOMAIN_ANSWERS, code);
}

/** The answer for an error of a command, or undefined for one that no caller is meant to see: that is a fault of ours. */
export function domainAnswer(error: DomainError): Answer | undefined {
  return isDomainCode(error.code) ? DOMAIN_ANSWERS[error.code](error.params) : undefined;
}

/** The two dialects of the one URL; `older` says appId and params, `newer` app_id and request_content. */
export type Dialect = 'older' | 'newer';

const MSG_CHARACTERS_MAX = 255;

/**
 * The answer's JSON text. Key order is that of seed 002's sample; `data` is there on errors too, as null, so that a
 * client's type has one shape.
 */
export function answerText(dialect: Dialect, requestId: string, answer: Answer, data: unknown): string {
  const msg = Array.from(answer.msg).slice(0, MSG_CHARACTERS_MAX).join('');
  const body =
    dialect === 'older'
      ? { requestId, responseCode: answer.code, responseMsg: msg, data }
      : { request_id: requestId, code: answer.code, msg, data };
  return JSON.stringify(body);
}
