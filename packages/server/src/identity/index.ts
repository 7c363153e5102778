/** Company verification: factors, the 0.01-yuan payment, the letter, the member's page. The capability's public face. */
export { createIdentity } from './create.ts';
export type { IdentityDependencies } from './context.ts';
export type { FactorSourceName } from './factor-source.ts';
export type { Identity, OperatorAct, VerificationFilter } from './identity.ts';
export { LEGAL_REP_CERT_TYPES } from './terms.ts';
export type {
  AuthType,
  CertificateSummary,
  CompanyFactors,
  CompareOrganization,
  ComparePerson,
  Comparison,
  DetailView,
  FlowKey,
  FlowStatus,
  IdentityErrorCode,
  LegalRepCertType,
  LegalRepDocument,
  LetterStatus,
  MemberFlow,
  MemberKey,
  MemberVerification,
  OutlineView,
  PaymentFailure,
  ProcessView,
  ReversePaymentOrder,
  ReversePaymentProcess,
  SaveOrgAuthInfo,
  SealChoice,
  StartForAccount,
  StartOrganization,
  Subbranch,
  TransferProcess,
  TransferProcessView,
  TransferRandomAmount,
  VerificationRecord,
  VerificationState,
  VerificationSummary,
} from './terms.ts';
