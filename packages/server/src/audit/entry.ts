import { createHash } from 'node:crypto';

/**
 * One thing that somebody did. `actor` says who (`operator`, `app:APPID`, `member:NO`, `system`), `action` what
 * (`sign_flow.revoke`), `subject` to what (`sign_flow:ID`). `detail` holds no secret and no unmasked personal data.
 */
export interface AuditEntry {
  appId: string;
  actor: string;
  action: string;
  subject: string;
  detail: Record<string, unknown>;
  at: Date;
}

/** The text of an entry that is hashed: a JSON array in a fixed order, so that anybody can build it again. */
export function auditContent(entry: AuditEntry): string {
  return JSON.stringify([entry.appId, entry.at.toISOString(), entry.actor, entry.action, entry.subject, entry.detail]);
}

/** The hash of an entry in its chain: SHA-256 over the previous hash (empty for the first) and the content in UTF-8. */
export function chainHash(previous: Uint8Array, content: string): Buffer {
  return createHash('sha256').update(previous).update(content, 'utf8').digest();
}
