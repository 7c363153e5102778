import type { CreateFlow, FlowDocument, FlowView, RevokeFlow } from './terms.ts';

export type {
  CompanyField,
  CreateFlow,
  DateFormat,
  DateLine,
  FlowDocument,
  FlowView,
  Individual,
  IndividualField,
  Initiator,
  PagePoint,
  PageSpan,
  Placement,
  RevokeFlow,
  SignatureForm,
  SignField,
  SigningErrorCode,
} from './terms.ts';
export { FLOW_STATUS_DESCRIPTION, FLOW_STATUS_NUMBER } from './flow.ts';
export type { FlowOutcome, FlowState, SignerState } from './flow.ts';

/** Sign flows: made from a document somewhere else, signed one after the other, ended once. */
export interface Signing {
  /**
   * Takes a flow on and answers at once; what becomes of it is told by the notification create_sign_process.
   * @throws DomainError member_not_found, company_not_verified, no_sign_fields, sign_field_invalid,
   *   sign_validity_passed, too_many_signers, too_many_sign_fields
   */
  createFlow(command: CreateFlow): Promise<{ flowRequestId: string }>;

  /** @throws DomainError flow_not_found */
  flow(appId: string, flowId: string): Promise<FlowView>;

  /**
   * Ends a flow that is being signed. `reason` is 撤销 where it is left out, 64 characters at most.
   * @throws DomainError flow_not_found, flow_not_signing, flow_already_revoked, not_initiator, reason_too_long
   */
  revokeFlow(command: RevokeFlow): Promise<void>;

  /**
   * The flow's documents in their newest revision, each with a short-lived URL.
   * @throws DomainError flow_not_found
   */
  documents(appId: string, flowId: string): Promise<FlowDocument[]>;
}
