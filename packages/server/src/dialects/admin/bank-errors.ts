import type { BankErrorCode } from '../../bank/index.ts';

type Message = (params: Readonly<Record<string, string>>) => string;

const named = (what: string, key: string, ending: string): Message => {
  return (params) => `${what} ${params[key] ?? ''} ${ending}`.replaceAll(/\s+/g, ' ').trim();
};
const mustBe: Message = (params) => `${params['field'] ?? 'a field'} must be ${params['expected'] ?? 'valid'}`;

/** What the admin API answers for the errors of the bank. */
export const BANK_ERRORS = {
  no_bank_channel: { status: 409, message: () => 'no bank channel is configured and on; see yinxin bank channel set' },
  sub_accounts_exhausted: { status: 409, message: () => 'every sub-account is in use or cools down; add numbers' },
  bank_channel_not_found: { status: 404, message: named('no bank channel', 'channel', '') },
  bank_channel_invalid: { status: 400, message: mustBe },
  bank_channel_off: { status: 409, message: named('channel', 'channel', 'is switched off') },
  bank_channel_not_sandbox: {
    status: 404,
    message: named('channel', 'channel', 'is no sandbox: its payments come from the bank'),
  },
  statement_invalid: { status: 400, message: named('the file cannot be read:', 'reason', '') },
  bank_notice_invalid: { status: 400, message: mustBe },
  bank_notice_unauthorized: { status: 409, message: () => 'the notice is not signed by the channel' },
  bank_transaction_conflict: {
    status: 409,
    message: named('reference', 'bizFlowNo', 'is that of another transaction'),
  },
  bank_review_not_found: { status: 404, message: named('no review of transaction', 'transactionId', '') },
  bank_review_resolved: { status: 409, message: named('transaction', 'transactionId', 'was decided before') },
  bank_review_flow_ended: {
    status: 409,
    message: named('flow', 'flowId', 'is no longer open: the payment can only be refused'),
  },
  bank_review_invalid: { status: 400, message: mustBe },
  payment_order_not_found: { status: 404, message: named('no payment order', 'orderId', '') },
  payment_order_ended: { status: 409, message: named('payment order', 'orderId', 'was confirmed before') },
  payment_order_invalid: { status: 400, message: mustBe },
} as const satisfies Record<BankErrorCode, { status: 400 | 404 | 409; message: Message }>;
