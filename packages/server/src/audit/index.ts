/** The record of who did what, hash-chained per application. This file is the capability's whole public face. */
export type { AuditEntry } from './entry.ts';
export { appendAudit, auditTrail, findAuditedApps, listAudit } from './store.ts';
export type { ChainedEntry } from './store.ts';
export { verifyAuditChain } from './verification.ts';
export type { AuditFault, AuditReport } from './verification.ts';
