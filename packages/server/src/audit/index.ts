export { auditContent, chainHash, type AuditEntry } from './entry.ts';
export { appendAudit, listAudit, verifyAuditChain, type RecordedEntry } from './store.ts';
