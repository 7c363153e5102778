/** The signed evidence report of a flow. This file is the capability's whole public face. */
export { createEvidenceReports } from './evidence-report.ts';
export type { EvidenceDependencies, EvidenceErrorCode, EvidenceReport, EvidenceReports } from './evidence-report.ts';
