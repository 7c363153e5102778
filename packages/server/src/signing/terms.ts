import type { PagePoint, PageSpan, SealPlacement } from '../documents/index.ts';
import type { DateFormat } from '../seals/index.ts';
import type { FlowState } from './flow.ts';
import type { SignatureLevel } from './signature-level.ts';

export type { PagePoint, PageSpan };

/** Dates to be drawn when the field is signed. `fontSize` is in points; null leaves the size to the seal's. */
export type DateLine = { fontSize: number | null; format: DateFormat; positions: readonly PagePoint[] };

/**
 * Where a signature is to stand. `free` (signType 0): the signer chooses, so nothing can be signed silently there;
 * `page` (1): at each position; `cross-page` (2), 骑缝: the seal is cut over the right edges of the pages.
 */
export type Placement = SealPlacement;

/** How an individual may sign. An empty list allows every way. */
export type SignatureForm = 'handwritten' | 'template';

export type SignField = {
  placement: Placement;
  /** Width of the seal in points; null leaves it to the seal's own. */
  width: number | null;
  date: DateLine | null;
};

/** A field of the initiator's company. `autoExecute` signs silently, without a person. */
export type CompanyField = SignField & { autoExecute: boolean };

/** A field of an individual. */
export type IndividualField = SignField & { forms: readonly SignatureForm[] };

/** The member who starts the flow and whose company signs. Without fields the company signs nothing. */
type Initiator = { etcMemberNo: string; signOrder: number; fields: readonly CompanyField[] };

export type Individual = {
  signOrder: number;
  name: string;
  /** 18 characters; sealed by the vault where it rests. */
  idNumber: string;
  /** 11 digits; sealed by the vault where it rests. */
  mobile: string;
  fields: readonly IndividualField[];
};

/** `createFlowOneStep`, free of any wire format. The limits of length are the dialect's to check. */
export type CreateFlow = {
  appId: string;
  /** The caller's own id of this request: a repeat answers the first flowRequestId and does nothing. */
  bizRequestNo: string | null;
  fileUrl: string;
  /** Name of the document, `.pdf` included; it is the flow's subject too. */
  fileName: string;
  /** Where the notifications go; null is the app's own notify_url. */
  notifyUrl: string | null;
  /** Deadline for signing; null is none. */
  signValidity: Date | null;
  finishNotifyFlag: boolean;
  initiator: Initiator;
  signers: readonly Individual[];
};

/** A flow over a document that the service wrote itself, signed by one company. */
export type OpenDocumentFlow = {
  appId: string;
  etcOrgNo: string;
  /** Who signs the fields that are not silent, by a link; null where all are. */
  etcMemberNo: string | null;
  fileName: string;
  pdf: Buffer;
  notifyUrl: string;
  fields: readonly CompanyField[];
  /** Who asked for it, for the audit. */
  actor: string;
};

/** What a query answers. */
export type FlowView = {
  flowId: string;
  appId: string;
  flowRequestId: string;
  /** Always true: a flow ends with its last signature. */
  autoArchive: boolean;
  /** The document's name. */
  businessScene: string;
  state: FlowState;
  startedAt: Date;
  endedAt: Date | null;
  /** Why the flow ended, where someone gave a reason (revoke, refuse). */
  reason: string | null;
  /** The initiator's etc_member_no. */
  initiatorMemberNo: string;
  /** The initiator's company, etc_org_no. */
  initiatorOrgNo: string;
  signValidity: Date | null;
};

export type FlowDocument = {
  fileId: string;
  fileName: string;
  fileUrl: string;
  /** What all of its signatures have reached, B-B to B-LTA; null before the first. */
  signatureLevel: SignatureLevel | null;
};

export type RevokeFlow = { appId: string; flowId: string; etcMemberNo: string; reason?: string };

/** Codes of the `DomainError`s that signing raises toward its caller, besides those of quotas. */
export type SigningErrorCode =
  /** The initiator's etc_member_no is not a member of this app. */
  | 'member_not_found'
  /** A silent company field, and the initiator's company is not verified. */
  | 'company_not_verified'
  /** A silent company field, and the company has not agreed to silent signing. */
  | 'silent_signing_not_agreed'
  /** Nobody has a field to sign. */
  | 'no_sign_fields'
  /** A silent field without a position. params: { reason } */
  | 'sign_field_invalid'
  /** signValidity is not in the future. */
  | 'sign_validity_passed'
  /** notifyUrl is no http(s) URL, or points where nothing may be sent. */
  | 'notify_url_invalid'
  /** More signers or fields than allowed. params: { limit } */
  | 'too_many_signers'
  | 'too_many_sign_fields'
  | 'flow_not_found'
  /** Revoke: the flow is done, refused or expired. params: { state } */
  | 'flow_not_signing'
  | 'flow_already_revoked'
  | 'not_initiator'
  /** params: { limit } */
  | 'reason_too_long';
