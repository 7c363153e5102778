import { createHmac } from 'node:crypto';
import type { Vault } from '../platform/vault.ts';

/** identity_org_end's verifycode: 32 hex digits that belong to this verification and that nobody else can make. */
export function verifyCodeOf(
  vault: Pick<Vault, 'deriveKey'>,
  { app_id: appId, flow_id: flowId }: { app_id: string; flow_id: string },
): string {
  const key = vault.deriveKey('verify-code');
  return createHmac('sha256', key).update(`${appId}:${flowId}`, 'utf8').digest('hex').slice(0, 32);
}
