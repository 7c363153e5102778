import type { AcceptResult, DeliveryState } from '../../relay/index.ts';

/** What both routes of the callback answer, with HTTP status 200 (contracts/relay.md). */
export interface CallbackAnswer {
  readonly request_id?: string;
  readonly code: string;
  readonly msg: string;
}

/** Answers that are the same each time. 500 carries no request_id, as in the source's sample. */
export const CALLBACK_ANSWERS = {
  unknownApp: { code: '400001', msg: 'appId不正确' },
  forbidden: { code: '401002', msg: '无权限访问当前接口' },
  disabled: { code: '401002', msg: '应用已停用，无权限访问当前接口' },
  calleeNotFound: { code: '404', msg: 'callee_no不存在' },
  requestNotFound: { code: '404', msg: 'request_id不存在' },
  idempotencyConflict: { code: '409', msg: 'Idempotency-Key已用于内容不同的请求' },
  requestIdMissing: { code: '400', msg: '参数request_id不能为空' },
  waitInvalid: { code: '400', msg: '参数wait必须是0到30的整数，单位秒' },
  urlInvalid: { code: '400', msg: '参数callback_url必须是有效的http或https地址' },
  /** With Retry-After: nothing was stored. */
  full: { code: '500', msg: '服务繁忙，请稍后再试' },
  fault: { code: '500', msg: '服务调用异常，请稍后再试或联系管理员' },
} as const satisfies Record<string, CallbackAnswer>;

const ACCEPT_TEXTS: Readonly<Record<AcceptResult['outcome'], { code: string; msg: string }>> = {
  delivered: { code: '000', msg: '成功' },
  retrying: { code: '202', msg: '访问目标路径重试中' },
  failed: { code: '500500', msg: '访问目标路径失败，请稍后再试或联系管理员' },
};

const RETRYING = ACCEPT_TEXTS.retrying;

const STATE_TEXTS: Readonly<Record<DeliveryState, { code: string; msg: string }>> = {
  delivered: ACCEPT_TEXTS.delivered,
  leased: RETRYING,
  waiting: RETRYING,
  queued: RETRYING,
  parked: RETRYING,
  failed: { code: '500', msg: '访问目标路径失败，请重新发送转发请求或联系管理员' },
};

export function acceptAnswer(result: AcceptResult): CallbackAnswer {
  return { request_id: result.requestId, ...ACCEPT_TEXTS[result.outcome] };
}

export function outcomeAnswer(outcome: { requestId: string; state: DeliveryState }): CallbackAnswer {
  return { request_id: outcome.requestId, ...STATE_TEXTS[outcome.state] };
}
