import type { PaymentProgress } from '../../server/src/dialects/member/contract.ts';
import type { Texts } from './texts/zh.ts';

/** Why a payment did not count, and what to do about it. */
export function failureText(
  { reason, amount, payerName }: Extract<PaymentProgress, { kind: 'failed' }>,
  { failed }: Texts['progress'],
): string {
  if (reason === 'wrong_amount') return failed.wrong_amount(amount);
  if (reason === 'wrong_payer') return failed.wrong_payer(payerName);
  return failed[reason];
}
