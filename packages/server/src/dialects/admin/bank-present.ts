import {
  maskedPayerName,
  yuanText,
  type Channel,
  type ImportResult,
  type PaymentOrder,
  type PaymentRecord,
  type Review,
} from '../../bank/index.ts';

const SHOWN_DIGITS = 4;
/** Fewer than these hidden, and who knows where the account is could guess the rest. */
const HIDDEN_DIGITS_MIN = 3;

/** An account number as a person may see it: its last four digits; nothing of one that is too short to hide the others. */
export function maskedAccount(accountNo: string | null): string | null {
  if (accountNo === null) return null;
  return accountNo.length < SHOWN_DIGITS + HIDDEN_DIGITS_MIN ? '****' : `****${accountNo.slice(-SHOWN_DIGITS)}`;
}

export function presentChannel(channel: Channel): Record<string, unknown> {
  const { numbers, statements } = channel;
  return {
    channel: channel.channel,
    main_account_name: channel.mainAccountName,
    main_account_bank: channel.mainAccountBank,
    main_account_no: channel.mainAccountNo,
    numbers: numbers.kind === 'pool' ? 'pool' : `${numbers.prefix}${'#'.repeat(numbers.width)}`,
    cool_down_days: channel.coolDownDays,
    enabled: channel.enabled,
    sandbox: channel.sandbox,
    number_in_remittance: channel.numberInRemittance,
    format: statements?.format ?? null,
    encoding: statements?.encoding ?? null,
    columns: Object.entries(statements?.columns ?? {}).map(([column, heading]) => `${column}=${heading}`),
    information: statements?.information ?? null,
    watch_folder: channel.watchFolder,
    has_secret: channel.hasSecret,
    consulted_at: channel.consultedAt,
    created_at: channel.createdAt,
    updated_at: channel.updatedAt,
  };
}

export function presentImport(result: ImportResult): Record<string, unknown> {
  return {
    import_id: result.importId,
    channel: result.channel,
    lines: result.lines,
    new: result.new,
    known: result.known,
    matched: result.matched,
    failed: result.failed,
    near_misses: result.nearMisses,
    unclaimed: result.unclaimed,
    fault_count: result.faultCount,
    faults: result.faults,
    complete: result.complete,
  };
}

/** Without the remittance text, which a person may have written anything into. */
export function presentPayment({ transaction, verdict, claim, receivedAt }: PaymentRecord): Record<string, unknown> {
  return {
    transaction_id: transaction.transactionId,
    verdict: verdict.kind,
    why: 'reason' in verdict ? verdict.reason : null,
    channel: transaction.channel,
    sub_account_no: transaction.subAccountNo,
    amount: yuanText(transaction.amountFen),
    currency: transaction.currency,
    booked: transaction.booked,
    payer_name: maskedPayerName(transaction.payerName),
    payer_account_no: maskedAccount(transaction.payerAccountNo),
    payer_bank_name: transaction.payerBankName,
    biz_flow_no: transaction.bizFlowNo,
    traded_at: transaction.tradedAt,
    source: transaction.source,
    app_id: claim?.appId ?? null,
    flow_id: claim?.flowId ?? null,
    received_at: receivedAt,
  };
}

/** With the payer's name whole: it is what the operator compares with the company's. */
export function presentReview(review: Review): Record<string, unknown> {
  const { transaction } = review;
  return {
    transaction_id: review.transactionId,
    state: review.state,
    company_name: review.companyName,
    payer_name: transaction.payerName,
    why: review.nearMissReason,
    payer_account_no: maskedAccount(transaction.payerAccountNo),
    payer_bank_name: transaction.payerBankName,
    amount: yuanText(transaction.amountFen),
    traded_at: transaction.tradedAt,
    channel: transaction.channel,
    sub_account_no: transaction.subAccountNo,
    biz_flow_no: transaction.bizFlowNo,
    remittance: transaction.remittance,
    app_id: review.appId,
    flow_id: review.flowId,
    received_at: review.receivedAt,
    decided_by: review.decidedBy,
    decided_at: review.decidedAt,
    decision_reason: review.decisionReason,
  };
}

/** Without the amount, which the company has to tell, and with a masked account number. */
export function presentOrder(order: PaymentOrder): Record<string, unknown> {
  return {
    order_id: order.orderId,
    state: order.state,
    app_id: order.appId,
    flow_id: order.flowId,
    channel: order.channel,
    payee_name: order.payeeName,
    payee_account_no: maskedAccount(order.payeeAccountNo),
    payee_bank: order.payeeBank,
    payee_subbranch: order.payeeSubbranch,
    province: order.province,
    city: order.city,
    cnaps_code: order.cnapsCode,
    biz_flow_no: order.bizFlowNo,
    failure_reason: order.failureReason,
    created_at: order.createdAt,
    ended_at: order.endedAt,
  };
}
