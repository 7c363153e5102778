/** The parameters of template T001 (contracts/etc-gateway.md, esign.signflows.receipt.create): T001001 … T001013. */
export interface ReceiptFacts {
  readonly number: string;
  readonly arrivalDate: string;
  readonly payer: string;
  readonly method: string;
  readonly amountInWords: string;
  readonly amountInFigures: string;
  readonly contractNumber: string;
  readonly merchantType: string;
  readonly signDate: string;
  readonly contractName: string;
  readonly issueYear: string;
  readonly issueMonth: string;
  readonly issueDay: string;
}

export type ReceiptField = keyof ReceiptFacts;

export interface CreateReceipt {
  readonly appId: string;
  /** Who issues it; null: the application's only company that may. */
  readonly etcOrgNo: string | null;
  /** Who signs where nobody does silently; null: the company's only member who can be sent a link. */
  readonly etcMemberNo: string | null;
  readonly notifyUrl: string;
  readonly facts: ReceiptFacts;
  /** Signed at once by the company's seal; otherwise a member is sent a link and signs. */
  readonly autoExecute: boolean;
  readonly actor: string;
}

/**
 * - `receipt_invalid` {field, reason}: reason is not_an_amount, no_amount_in_words, amounts_differ, zero_amount,
 *   not_a_date or characters_missing with {characters}
 * - `receipt_notify_url_invalid`
 * - `receipt_company_missing`: no company of the application may issue one; `receipt_company_ambiguous`: several may
 * - `receipt_member_missing`: nobody of the company can be sent a link; `receipt_member_ambiguous`: several can
 * - `receipt_conflict` {number}: the number stands for another receipt of the company
 * - `receipt_not_found` {flowId}; `receipt_not_signed` {state}
 */
export type ReceiptErrorCode =
  | 'receipt_invalid'
  | 'receipt_notify_url_invalid'
  | 'receipt_company_missing'
  | 'receipt_company_ambiguous'
  | 'receipt_member_missing'
  | 'receipt_member_ambiguous'
  | 'receipt_conflict'
  | 'receipt_not_found'
  | 'receipt_not_signed';
