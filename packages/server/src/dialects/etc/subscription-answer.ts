import { EVENT_KEY_LEVELS_MAX, SUBSCRIPTION_LIMITS, type SubscriptionErrorCode } from '../../subscriptions/index.ts';
import { CALLBACK_ANSWERS, type CallbackAnswer } from './callback-answer.ts';

/** Of the event subscriptions, answered with HTTP status 200 as everything of the callback gateway. */
export function succeeded(id: string): CallbackAnswer {
  return { request_id: id, code: '000', msg: '成功' };
}

/** What each error of the capability is in this dialect. An error without an answer does not compile. */
export const SUBSCRIPTION_ERROR_ANSWERS: Readonly<Record<SubscriptionErrorCode, CallbackAnswer>> = {
  event_key_invalid: {
    code: '400',
    msg: `参数event_key必须是1到${EVENT_KEY_LEVELS_MAX}级、以点分隔的键，每级为1到64个字母、数字、下划线或连字符；未填写时由event_source、event_topic、event_type、event_status组成`,
  },
  callback_url_invalid: CALLBACK_ANSWERS.urlInvalid,
  callback_url_forbidden: { code: '400', msg: '参数callback_url指向不允许访问的地址' },
  subscription_exists: { code: '409', msg: '该callback_url已订阅此event_key' },
  subscription_not_found: { code: '404', msg: '订阅不存在' },
  subscriptions_full: {
    code: '429',
    msg: `订阅数量已达上限，每个应用最多${SUBSCRIPTION_LIMITS.subscriptionsPerAppMax}个`,
  },
  event_too_large: { code: '400', msg: `事件过大，最多${SUBSCRIPTION_LIMITS.eventBytesMax}字节` },
  event_idempotency_conflict: CALLBACK_ANSWERS.idempotencyConflict,
  publishing_full: CALLBACK_ANSWERS.fault,
};
