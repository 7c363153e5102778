import type { Identity } from '../../../identity/index.ts';
import type { TsignRoute } from '../route.ts';
import { flowKey } from './fields.ts';

/** How far the transfer of a random amount is. */
export function transferProcess(identity: Pick<Identity, 'transferProcess'>): TsignRoute {
  return {
    method: 'GET',
    path: '/v2/identity/auth/pub/organization/:flowId/transferProcess',
    summary: 'How far the transfer of a random amount is',
    handle: async (request) => identity.transferProcess(flowKey(request)),
  };
}
