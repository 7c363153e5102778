/**
 * The operator's bank: sub-accounts, statements, the matching of payments, payment orders. This file is the capability's
 * whole public face.
 */
export { parseAmount, yuanText } from './amount.ts';
export { createBank, type BankDependencies } from './commands.ts';
export { maskedPayerName } from './payer-name.ts';
export { CSV_COLUMNS, STATEMENT_ENCODINGS, STATEMENT_FORMATS, STATEMENT_INFORMATION } from './statement-settings.ts';
export type {
  Bank,
  BankErrorCode,
  BankTransaction,
  Channel,
  ChannelChange,
  ChannelWithCounts,
  Claim,
  FailureReason,
  ImportInput,
  ImportProgress,
  ImportResult,
  LineFault,
  NewPaymentOrder,
  PaymentListener,
  PaymentOrder,
  PaymentOrderConfirmation,
  PaymentOrderState,
  PaymentRecord,
  PushedNotice,
  ReceivedTransaction,
  Review,
  ReviewDecision,
  ReviewState,
  SandboxPayment,
  SubAccount,
  SubAccountNumbers,
  SubAccountOwner,
  TransactionSource,
  Verdict,
} from './bank.ts';
export type {
  CsvColumn,
  StatementEncoding,
  StatementFormat,
  StatementInformation,
  StatementSettings,
} from './statement-settings.ts';
