import type { Executor, Transaction } from '../platform/database/index.ts';
import type {
  CsvColumn,
  StatementEncoding,
  StatementFormat,
  StatementInformation,
  StatementSettings,
} from './statement-settings.ts';

/** What the bank capability refuses. */
export type BankErrorCode =
  /** No channel is configured and on. */
  | 'no_bank_channel'
  /** Every number of every channel is in use or in its cool-down. */
  | 'sub_accounts_exhausted'
  | 'bank_channel_not_found'
  /** params: field, expected */
  | 'bank_channel_invalid'
  /** The channel is switched off. */
  | 'bank_channel_off'
  /** It is not the sandbox channel: money there is real. */
  | 'bank_channel_not_sandbox'
  /** The file cannot be read as a whole: params: reason */
  | 'statement_invalid'
  /** params: field, expected */
  | 'bank_notice_invalid'
  /** Unknown channel, wrong signature or timestamp: which of them is not told. */
  | 'bank_notice_unauthorized'
  /** Its reference is that of another transaction. params: bizFlowNo */
  | 'bank_transaction_conflict'
  | 'bank_review_not_found'
  | 'bank_review_resolved'
  /** The flow that the payment was for is no longer open. */
  | 'bank_review_flow_ended'
  /** params: field, expected */
  | 'bank_review_invalid'
  | 'payment_order_not_found'
  /** It was confirmed before, with another outcome. */
  | 'payment_order_ended'
  /** params: field, expected */
  | 'payment_order_invalid';

/** Where a company pays to: a number of its own under the operator's main account. */
export interface SubAccount {
  channel: string;
  subAccountNo: string;
  mainAccountName: string;
  /** 开户行支行 */
  mainAccountBank: string;
  mainAccountNo: string;
}

/** Which flow holds a sub-account. */
export interface SubAccountOwner {
  appId: string;
  flowId: string;
}

export type TransactionSource = StatementFormat | 'push' | 'sandbox';

/** One movement on a receiving account, as the bank tells it. */
export interface BankTransaction {
  channel: string;
  subAccountNo: string;
  /** The bank's own reference: with channel and sub-account the key of the transaction. */
  bizFlowNo: string;
  /** Never negative; the direction is `creditDebit`. */
  amountFen: number;
  /** ISO 4217 */
  currency: string;
  creditDebit: 'credit' | 'debit';
  booked: boolean;
  /** It takes an earlier one back: the reversal of a credit is a debit (ISO 20022, RvslInd; MT940, RC). */
  reversal: boolean;
  /** Empty where the bank does not say. */
  payerName: string;
  payerAccountNo: string | null;
  payerBankName: string | null;
  tradedAt: Date;
  /** The bank told the day alone; `tradedAt` is then its first moment in China. */
  dateOnly?: boolean;
  remittance: string | null;
  source: TransactionSource;
  /** Ours. */
  transactionId: string;
}

/** The open flow that a sub-account was given to. */
export interface Claim {
  appId: string;
  flowId: string;
  companyName: string;
  openedAt: Date;
}

export type FailureReason =
  | 'wrong_amount'
  | 'wrong_payer'
  | 'personal_account'
  | 'reversed'
  | 'not_booked'
  | 'wrong_currency'
  | 'debit';

export type Verdict =
  | { kind: 'paid' }
  | { kind: 'failed'; reason: FailureReason }
  | { kind: 'near_miss'; reason: string }
  | { kind: 'unclaimed' };

/** Who is told what came of payments: the identity capability, set by the composition root. */
export interface PaymentListener {
  /** The open flow that owns the sub-account, locked for this transaction, or null. */
  claimOf(tx: Transaction, subAccount: { channel: string; subAccountNo: string }): Promise<Claim | null>;
  /**
   * Called in the transaction that stores the payment. Verdicts are `paid`, `failed` and `near_miss`. `failed`/`reversed`
   * comes with the transaction that is taken back, so that its `transactionId` is one the listener knows. Lines that are
   * not booked yet, and debits that reverse nothing, are kept and not told. `standIn`, with a reversal: another good
   * payment to the same number, which counts in place of the one that is taken back.
   */
  paymentArrived(
    tx: Transaction,
    claim: Claim,
    transaction: BankTransaction,
    verdict: Verdict,
    standIn?: BankTransaction | null,
  ): Promise<void>;
  /** A payment order of the flow was confirmed by the operator. Called in the transaction that stores it. */
  paymentOrderEnded?(tx: Transaction, order: PaymentOrder): Promise<void>;
}

/** How a channel numbers its sub-accounts: a list of numbers the bank gave, or prefix and a running number. */
export type SubAccountNumbers = { kind: 'pool' } | { kind: 'rule'; prefix: string; width: number };

/** An account of the operator at a bank, and the numbers under it. */
export interface Channel {
  channel: string;
  mainAccountName: string;
  mainAccountBank: string;
  mainAccountNo: string;
  numbers: SubAccountNumbers;
  coolDownDays: number;
  enabled: boolean;
  /** Payments can be made up with `yinxin bank pay`. */
  sandbox: boolean;
  /** The receiving number may stand in the payment's remittance text. */
  numberInRemittance: boolean;
  statements: StatementSettings | null;
  /** Statements put into this folder are imported; null: none is watched. */
  watchFolder: string | null;
  hasSecret: boolean;
  /** When a statement was last imported to its end. */
  consultedAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

/** A channel with how many of its numbers are in which state. */
export interface ChannelWithCounts extends Channel {
  subAccounts: { unused: number; inUse: number; coolingDown: number; reusable: number };
}

/** What is named changes; what is not named stays. A new channel needs the main account and the numbers. */
export interface ChannelChange {
  channel: string;
  mainAccountName?: string;
  mainAccountBank?: string;
  mainAccountNo?: string;
  numbers?: SubAccountNumbers;
  /** Added to the pool; numbers it has already are left as they are. */
  addNumbers?: readonly string[];
  coolDownDays?: number;
  enabled?: boolean;
  sandbox?: boolean;
  numberInRemittance?: boolean;
  statements?: StatementSettings | null;
  watchFolder?: string | null;
  /** Signs pushed notices (HMAC-SHA256); 32 characters at least. Null takes it away. */
  secret?: string | null;
  actor: string;
}

export interface ImportProgress {
  bytes: number;
  lines: number;
}

export interface ImportInput {
  channel: string;
  /** The file's bytes, as they come. */
  content: AsyncIterable<Uint8Array>;
  /** For the record. */
  fileName: string;
  /** Default: the channel's. */
  format?: StatementFormat;
  encoding?: StatementEncoding;
  columns?: Readonly<Partial<Record<CsvColumn, string>>>;
  information?: StatementInformation;
  actor: string;
  onProgress?: (progress: ImportProgress) => void;
}

/** A line that could not be read: for camt the number of the entry, else of the line, from 1. */
export interface LineFault {
  line: number;
  reason: string;
}

export interface ImportResult {
  importId: string;
  channel: string;
  /** Transactions and broken lines that were read. */
  lines: number;
  new: number;
  known: number;
  matched: number;
  /** Payments that did not qualify, reversals among them. */
  failed: number;
  nearMisses: number;
  unclaimed: number;
  /** The first thousand of them. */
  faults: LineFault[];
  faultCount: number;
  /** False where the file broke off: what stood before is imported, the bank does not count as consulted. */
  complete: boolean;
}

/** One signed notice of the bank, as it came. */
export interface PushedNotice {
  channel: string;
  /** Unix milliseconds as text. */
  timestamp: string;
  nonce: string;
  /** HMAC-SHA256 in hex or Base64 over `timestamp \n nonce \n body`. */
  signature: string;
  body: Uint8Array;
}

export interface ReceivedTransaction {
  transactionId: string;
  /** Whether it was known before. */
  known: boolean;
  verdict: Verdict;
}

/** A payment to one of a channel's numbers, and what came of it. */
export interface PaymentRecord {
  transaction: BankTransaction;
  verdict: Verdict;
  /** The flow that it was judged for; null where it is nobody's. */
  claim: Claim | null;
  receivedAt: Date;
}

/** A payment that the sandbox makes up. */
export interface SandboxPayment {
  channel: string;
  subAccountNo: string;
  payerName: string;
  amountFen: number;
  payerAccountNo?: string;
  payerBankName?: string;
  remittance?: string;
  bizFlowNo?: string;
  /** Takes back the payment of this reference. */
  reversal?: boolean;
  actor: string;
}

export type ReviewState = 'open' | 'accepted' | 'refused';

/** A payment that a person has to look at. */
export interface Review {
  transactionId: string;
  appId: string;
  flowId: string;
  companyName: string;
  /** Why it did not pass by itself. */
  nearMissReason: string;
  transaction: BankTransaction;
  state: ReviewState;
  decidedBy: string | null;
  decidedAt: Date | null;
  decisionReason: string | null;
  receivedAt: Date;
}

export interface ReviewDecision {
  transactionId: string;
  decision: 'accept' | 'refuse';
  /** Why; goes into the audit. */
  reason: string;
  actor: string;
}

export type PaymentOrderState = 'created' | 'paid' | 'failed';

/** A transfer of a random amount to a company's account, which the operator's bank executes. */
export interface PaymentOrder {
  orderId: string;
  appId: string;
  flowId: string;
  channel: string;
  /** 1 to 99 */
  amountFen: number;
  payeeName: string;
  payeeAccountNo: string;
  payeeBank: string;
  payeeSubbranch: string;
  province: string | null;
  city: string | null;
  cnapsCode: string | null;
  state: PaymentOrderState;
  bizFlowNo: string | null;
  failureReason: string | null;
  createdAt: Date;
  endedAt: Date | null;
}

export interface NewPaymentOrder {
  appId: string;
  flowId: string;
  payeeName: string;
  payeeAccountNo: string;
  payeeBank: string;
  payeeSubbranch: string;
  province?: string;
  city?: string;
  cnapsCode?: string;
}

export interface PaymentOrderConfirmation {
  orderId: string;
  outcome: { state: 'paid'; bizFlowNo?: string } | { state: 'failed'; reason: string };
  actor: string;
}

/** Sub-accounts, statements, matching, payment orders. */
export interface Bank {
  listenTo(listener: PaymentListener): void;
  /** Is a channel configured and on. */
  available(executor: Executor): Promise<boolean>;
  /**
   * A sub-account for a flow; the same one again where the flow has one.
   *
   * @throws DomainError `no_bank_channel`, `sub_accounts_exhausted`
   */
  allocateSubAccount(tx: Transaction, owner: SubAccountOwner): Promise<SubAccount>;
  /** The flow's sub-account, or null. */
  subAccountOf(executor: Executor, owner: SubAccountOwner): Promise<SubAccount | null>;
  /** The number goes into its cool-down. Nothing happens where the flow has none. */
  releaseSubAccount(tx: Transaction, owner: SubAccountOwner): Promise<void>;
  /** Whether a statement of the channel was imported to its end since then. */
  consultedSince(
    executor: Executor,
    subAccount: { channel: string; subAccountNo: string },
    since: Date,
  ): Promise<boolean>;

  /** @throws DomainError `bank_channel_invalid` */
  setChannel(change: ChannelChange): Promise<Channel>;
  listChannels(): Promise<Channel[]>;
  /** @throws DomainError `bank_channel_not_found` */
  showChannel(channel: string): Promise<ChannelWithCounts>;

  /** @throws DomainError `bank_channel_not_found`, `statement_invalid` */
  importStatement(input: ImportInput): Promise<ImportResult>;
  /** @throws DomainError `bank_notice_unauthorized`, `bank_notice_invalid`, `bank_transaction_conflict` */
  pushTransaction(notice: PushedNotice): Promise<ReceivedTransaction>;
  /** @throws DomainError `bank_channel_not_found`, `bank_channel_not_sandbox`, `bank_transaction_conflict` */
  paySandbox(payment: SandboxPayment): Promise<ReceivedTransaction>;
  /** Imports what lies in the watched folders; answers how many files. */
  importWatchedFolders(): Promise<number>;

  /** Credits, the newest first; `unclaimed` by default. */
  listPayments(filter?: { verdict?: Verdict['kind']; channel?: string; limit?: number }): Promise<PaymentRecord[]>;

  listReviews(filter?: { state?: ReviewState; limit?: number }): Promise<Review[]>;
  /** @throws DomainError `bank_review_not_found`, `bank_review_resolved`, `bank_review_flow_ended` */
  resolveReview(decision: ReviewDecision): Promise<Review>;

  /** Writes an order of 1 to 99 fen, drawn at random. @throws DomainError `no_bank_channel`, `payment_order_invalid` */
  createOrder(tx: Transaction, order: NewPaymentOrder): Promise<PaymentOrder>;
  /** The newest order of a flow, or null. */
  orderOf(executor: Executor, owner: SubAccountOwner): Promise<PaymentOrder | null>;
  listOrders(filter?: { state?: PaymentOrderState; limit?: number }): Promise<PaymentOrder[]>;
  /** One order with the payee's whole account number; that it was looked at goes into the audit. */
  revealOrder(order: { orderId: string; actor: string }): Promise<PaymentOrder>;
  /** @throws DomainError `payment_order_not_found`, `payment_order_ended` */
  confirmOrder(confirmation: PaymentOrderConfirmation): Promise<PaymentOrder>;
}
