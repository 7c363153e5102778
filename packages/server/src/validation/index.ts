/** Who signed a PDF, when, whether it holds, and what was changed since: the whole public face. */
export { createValidation, VALIDATION_LIMITS } from './validation.ts';
export type { Validation, ValidationErrorCode, ValidationLimits } from './validation.ts';
export { readTrustRoots } from './trust-roots.ts';
export type { ReportedChange, ReportedSignature, ValidationReport, Verdict, Words } from './report.ts';
