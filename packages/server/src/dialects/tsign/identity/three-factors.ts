import type { Identity } from '../../../identity/index.ts';
import type { TsignRoute } from '../route.ts';
import { actorOf, callbackFields, requiredText } from './fields.ts';

/** A company by name, code and legal representative (contracts/tsign-identity.md, threeFactors). */
export function threeFactors(identity: Pick<Identity, 'startOrganization'>): TsignRoute {
  return {
    method: 'POST',
    path: '/v2/identity/auth/api/organization/threeFactors',
    summary: 'Begins a company verification: name, code, legal representative',
    handle: async ({ appId, body }) =>
      identity.startOrganization({
        appId,
        company: {
          orgName: requiredText(body, 'name', 100),
          orgCode: requiredText(body, 'orgCode', 32),
          legalRepName: requiredText(body, 'legalRepName', 100),
        },
        legalRep: null,
        agentFlowId: null,
        ...callbackFields(body),
        actor: actorOf(appId),
      }),
  };
}
