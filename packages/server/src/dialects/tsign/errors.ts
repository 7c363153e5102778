import type { AppErrorCode } from '../../apps/index.ts';
import type { DomainError } from '../../platform/errors.ts';
import { IDENTITY_REFUSALS, type IdentityRefusalCode } from './identity/errors.ts';
import type { Refusal } from './refusal.ts';

export type { Refusal };

/** The refusals that come of a request's form, whatever it asks for. */
export const FORM = {
  missing: (name: string): Refusal => ({ code: 30500100, message: `缺少参数:${name}` }),
  wrong: (name: string, expected: string): Refusal => ({ code: 30500101, message: `参数错误:${name}应为${expected}` }),
  notJson: { code: 30500101, message: '参数错误:请求报文应为UTF-8编码的JSON对象' },
  tooDeep: { code: 30500101, message: '参数错误:请求报文嵌套过深' },
  tooManyFields: (max: number): Refusal => ({ code: 30500101, message: `参数错误:表单字段不能超过${max}个` }),
  tooLarge: { code: 30500101, message: '参数错误:请求报文不能超过2MB' },
} as const;

/** What is answered around the calls. */
export const ANSWERS = {
  /** The app may not use this API: its grants name neither every api code nor `tsign`. */
  notGranted: { code: 30500200, message: '未找到应用配置' },
  /** Of the two endpoints of the OAuth mode. */
  oauthUnknownApp: { code: 72000032, message: '应用停用或应用不存在' },
  noRoute: (method: string, path: string): Refusal => ({ code: 404, message: `接口不存在:${method} ${path}` }),
} as const;

/** A fault of ours; `id` stands in the log line that tells what happened. */
export function internalFault(id: string): Refusal {
  return { code: 30500000, message: `操作出错,请联系服务人员处理, ID:${id}` };
}

/** Ends a call with an answer other than success. */
export class TsignRefusal extends Error {
  override readonly name = 'TsignRefusal';
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(`${refusal.code} ${refusal.message}`);
    this.refusal = refusal;
  }
}

type Params = Readonly<Record<string, string>>;
/** Every error that a command behind these routes may end with: an error without a row below does not compile. */
type DomainCode = AppErrorCode | IdentityRefusalCode;

/** What a caller reads for each error of the commands behind this dialect. */
const DOMAIN_REFUSALS = {
  app_not_found: () => ANSWERS.notGranted,
  app_invalid: (params: Params) => FORM.wrong(params['field'] ?? '', params['expected'] ?? ''),
  ...IDENTITY_REFUSALS,
} satisfies Record<DomainCode, (params: Params) => Refusal>;

function isDomainCode(code: string): code is DomainCode {
  return Object.hasOwn(DOMAIN_REFUSALS, code);
}

/** The refusal for an error of a command, or undefined for one that no caller is meant to see: that is a fault of ours. */
export function domainRefusal(error: DomainError): Refusal | undefined {
  return isDomainCode(error.code) ? DOMAIN_REFUSALS[error.code](error.params) : undefined;
}
