import type { Identity } from '../../../identity/index.ts';
import type { TsignRoute } from '../route.ts';
import { actorOf, callbackFields, flag, requiredText } from './fields.ts';

/**
 * A company that an account stands for, with three or four factors (contracts/tsign-identity.md): accountId is our
 * etc_org_no, agentAccountId an etc_member_no of that company.
 */
export function accountFactors(identity: Pick<Identity, 'startForAccount'>, factors: 3 | 4): TsignRoute {
  return {
    method: 'POST',
    path:
      factors === 3
        ? '/v2/identity/auth/api/organization/:accountId/threeFactors'
        : '/v2/identity/auth/api/organization/enterprise/:accountId/fourFactors',
    summary: `Begins the verification of a company's account, ${factors} factors`,
    handle: async ({ appId, params, body }) =>
      identity.startForAccount({
        appId,
        accountId: requiredText(params, 'accountId', 64),
        agentAccountId: requiredText(body, 'agentAccountId', 64),
        factors,
        repetition: flag(body, 'repetition', true),
        ...callbackFields(body),
        actor: actorOf(appId),
      }),
  };
}
