import { chinaDateTime } from '../platform/clock.ts';
import type { FlowRow } from './tables.ts';
import type { PaymentFailure, ProcessView, ReversePaymentProcess } from './terms.ts';

/** What the process says to a person where no payment has been judged yet (contracts/tsign-identity.md). */
const MESSAGES: Readonly<Record<ReversePaymentProcess, string | null>> = {
  UNAVAILABLE: '反向打款服务不可用，请稍后再试或联系服务人员',
  INIT: null,
  CREATED: null,
  UN_RECEIVED: '无对应打款信息',
  PAY_FAILED: '打款失败',
  ORGANFINISHED: null,
};

/** Why a payment did not count, and what to do. */
const FAILURE_MESSAGES: Readonly<Record<PaymentFailure, string>> = {
  wrong_amount: '打款金额不正确，请使用企业对公账户重新打款0.01元',
  wrong_payer: '付款账户名与企业名称不一致，请使用本企业对公账户重新打款0.01元',
  personal_account: '付款账户为个人账户或清算账户，请使用本企业对公账户重新打款0.01元',
  reversed: '打款已被银行冲正或退回，请重新打款0.01元',
  not_booked: '打款尚未入账，请等待银行入账或重新打款0.01元',
  wrong_currency: '打款币种不是人民币，请使用人民币重新打款0.01元',
  debit: '该笔交易不是收款，请使用企业对公账户重新打款0.01元',
};
const REVIEW_MESSAGE = '付款账户名与企业名称不完全一致，已转人工核对，请等待核对结果或重新打款0.01元';
const HELD_MESSAGE = '已收到打款，打款授权书审核通过后完成认证';
/** A company that was verified in another way than by its own payment. */
const ENDED_MESSAGE = '流程已结束';

/** The words for a person about why a payment did not count. */
export function failureMessage(reason: PaymentFailure): string {
  return FAILURE_MESSAGES[reason];
}

/** `0.01` of 1: fen as yuan, without a float on the way. */
export function yuan(fen: number): string {
  const digits = String(Math.abs(fen)).padStart(3, '0');
  return `${fen < 0 ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** yyyyMMddHHmmss in China time. */
export function compactChinaTime(at: Date): string {
  return chinaDateTime(at).replaceAll(/\D/g, '');
}

/**
 * Seed 001's answer for a flow, whole: keys in the order of its sample. The order's own times are told once a payment
 * is there, as the published sample of UN_RECEIVED has them null. Pure.
 */
export function processView(flow: FlowRow, process: ReversePaymentProcess, payerAccountNo: string | null): ProcessView {
  const found = flow.payment === 'none' ? null : flow;
  return {
    process,
    subAccount: flow.sub_account_no,
    subAccountChannelName: flow.main_account_bank,
    mainAccountName: flow.main_account_name,
    oppAccountNo: found === null ? null : payerAccountNo,
    oppAccountName: found?.payer_name ?? null,
    oppBankName: found?.payer_bank_name ?? null,
    payAmount: payAmount(flow, process),
    tradeTime: found?.traded_at ? compactChinaTime(found.traded_at) : null,
    createTime: found?.ordered_at ? String(found.ordered_at.getTime()) : null,
    modifyTime: found?.paid_at ? String(found.paid_at.getTime()) : null,
    message: messageOf(flow, process),
    bizFlowNo: found?.biz_flow_no ?? null,
    auditing: flow.letter_opinion,
    authLetterAuditStatus: flow.letter_status,
  };
}

function payAmount(flow: FlowRow, process: ReversePaymentProcess): string | null {
  if (flow.payment !== 'none' && flow.amount_fen !== null) return yuan(flow.amount_fen);
  return process === 'UN_RECEIVED' ? 'null' : null;
}

function messageOf(flow: FlowRow, process: ReversePaymentProcess): string | null {
  if (process === 'ORGANFINISHED') return flow.payment === 'paid' ? null : ENDED_MESSAGE;
  if (flow.payment === 'review') return REVIEW_MESSAGE;
  if (flow.payment === 'held') return HELD_MESSAGE;
  if (flow.payment === 'failed' && flow.payment_failure !== null) return failureMessage(flow.payment_failure);
  return MESSAGES[process];
}
