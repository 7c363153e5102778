/**
 * The operator's bank: sub-accounts, statements, the matching of payments, payment orders. This file is the capability's
 * whole public face.
 */
export { parseAmount, yuanText } from './amount.ts';
export { createBank, type BankDependencies } from './commands.ts';
export { CSV_COLUMNS, STATEMENT_ENCODINGS, STATEMENT_FORMATS } from './bank.ts';
export type {
  Bank,
  BankErrorCode,
  BankTransaction,
  Channel,
  ChannelChange,
  ChannelWithCounts,
  Claim,
  CsvColumn,
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
  PushedNotice,
  ReceivedTransaction,
  Review,
  ReviewDecision,
  ReviewState,
  SandboxPayment,
  StatementEncoding,
  StatementFormat,
  StatementSettings,
  SubAccount,
  SubAccountNumbers,
  SubAccountOwner,
  TransactionSource,
  Verdict,
} from './bank.ts';
