/** The notifications of the e签宝 contracts as the exact JSON that is sent. Pure. */

/** Identity notifications are sent again after 3 s and 6 s, then no more (contracts/tsign-identity.md). */
export const IDENTITY_DELAYS_MS: readonly number[] = [3_000, 6_000];

/** A company's verification that was begun through the e签宝 API ended. */
export interface IdentityEnded {
  notifyUrl: string | null;
  flowId: string;
  contextId: string | null;
  success: boolean;
  /** Joins this verification to later calls; null where it failed. */
  verifyCode: string | null;
  /** The account forms alone have these two. */
  accountId: string | null;
  agentAccountId: string | null;
  agentFlowId: string | null;
  at: Date;
}

/** identity_org_end. Three of its fields are older names of others, which clients in the field still read. */
export function identityEndedMessage(event: IdentityEnded): string {
  const { flowId, contextId, success, accountId, agentAccountId, agentFlowId } = event;
  return JSON.stringify({
    action: 'identity_org_end',
    flowId,
    contextId,
    success,
    serviceId: flowId,
    verifycode: event.verifyCode,
    accountId,
    agentAccountId,
    agentFlowId,
    orgAccountId: accountId,
    status: success,
  });
}
