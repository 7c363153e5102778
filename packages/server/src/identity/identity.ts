import type { PaymentListener } from '../bank/index.ts';
import type {
  Comparison,
  ComparePerson,
  CompareOrganization,
  CompanyFactors,
  DetailView,
  FlowKey,
  MemberKey,
  MemberVerification,
  OutlineView,
  ProcessView,
  ReversePaymentOrder,
  SaveOrgAuthInfo,
  StartForAccount,
  StartOrganization,
  Subbranch,
  TransferProcessView,
  TransferRandomAmount,
  VerificationRecord,
  VerificationState,
  VerificationSummary,
} from './terms.ts';

/** What an operator does, with the reason that goes into the audit. */
export interface OperatorAct extends FlowKey {
  readonly actor: string;
  readonly reason: string;
}

export interface VerificationFilter {
  readonly appId?: string;
  readonly state?: VerificationState;
  /** Only flows whose letter waits for an operator. */
  readonly letterWaiting?: boolean;
  readonly limit: number;
}

/** Company verification. Every command throws `DomainError` with an `IdentityErrorCode`. */
export interface Identity {
  /** Compares three or four factors and begins a flow. */
  startOrganization(command: StartOrganization): Promise<{ flowId: string }>;
  /** The same for a company that an account stands for. */
  startForAccount(command: StartForAccount): Promise<{ flowId: string }>;

  /** Gives the flow its receiving sub-account; a repeat answers the same one, and may bring a (new) letter. */
  reversePayment(command: FlowKey & { authLetterFileId: string | null; actor: string }): Promise<ReversePaymentOrder>;
  /** Seed 001. */
  reversePaymentProcess(key: FlowKey): Promise<ProcessView>;
  /** A letter of authorisation with the company's data; the link is valid for 60 minutes. */
  letterTemplate(key: FlowKey): Promise<{ fileUrl: string }>;
  /** Hands in a signed letter as bytes, for the member's page and for operators. */
  submitLetter(command: FlowKey & { fileName: string; bytes: Buffer; actor: string }): Promise<void>;

  transferRandomAmount(command: TransferRandomAmount): Promise<void>;
  /** `amountFen` is what the company found in its account. */
  verifyRandomAmount(command: FlowKey & { amountFen: number; actor: string }): Promise<void>;
  transferProcess(key: FlowKey): Promise<TransferProcessView>;
  /** Banks by a part of their name or by their CNAPS code, 20 at most. */
  subbranches(
    query: FlowKey & { keyWord: string | null; cnapsCode: string | null },
  ): Promise<{ list: readonly Subbranch[] }>;

  detail(key: FlowKey): Promise<DetailView>;
  outline(key: FlowKey): Promise<OutlineView>;

  /** Compares and answers; no flow is begun. */
  compareOrganization(factors: CompareOrganization): Promise<Comparison>;
  comparePerson(person: ComparePerson): Promise<Comparison>;
  /** Keeps what a company's later verification needs. Repeating it replaces. */
  saveOrgAuthInfo(command: SaveOrgAuthInfo): Promise<void>;

  /** The etc-token: opens this member's page until `expiresAt`. */
  memberToken(member: MemberKey): Promise<{ token: string; expiresAt: Date }>;
  openToken(token: string): Promise<MemberKey>;
  memberView(member: MemberKey): Promise<MemberVerification>;
  /** Compares the factors and makes the receiving account, so that the member can pay at once. */
  startForMember(command: MemberKey & { company: CompanyFactors; actor: string }): Promise<void>;
  /** A design of the company's seal as a PNG, 600 pixels wide, on a transparent ground. */
  sealPicture(seal: MemberKey & { variant: string }): Promise<Buffer>;
  chooseSeal(command: MemberKey & { variant: string; actor: string }): Promise<void>;
  /** `textVersion` names the wording the member agreed to; it stands in the audit. */
  consentSilentSigning(command: MemberKey & { textVersion: string; actor: string }): Promise<void>;

  list(filter: VerificationFilter): Promise<readonly VerificationSummary[]>;
  /** `reveal` shows numbers in full and is audited with its reason. */
  show(
    key: { appId?: string; flowId: string },
    reveal?: { actor: string; reason: string },
  ): Promise<VerificationRecord>;
  cancel(act: OperatorAct): Promise<void>;
  /** Marks a letter as being read: authLetterAuditStatus ING. */
  openLetter(act: FlowKey & { actor: string }): Promise<{ fileUrl: string }>;
  acceptLetter(act: OperatorAct): Promise<void>;
  refuseLetter(act: OperatorAct): Promise<void>;
  /** Replaces or adds companies of the register from CSV text in UTF-8 or GB18030. */
  importRegister(command: { csv: Buffer; actor: string }): Promise<{ companies: number }>;
  importSubbranches(command: { csv: Buffer; actor: string }): Promise<{ subbranches: number }>;

  /** Ends flows whose time is over; the jobs call it by themselves. */
  sweep(): Promise<void>;
  /** What the bank calls in its transaction. */
  readonly paymentListener: PaymentListener;
}
