import type { Identity } from '../../../identity/index.ts';
import type { TsignRoute } from '../route.ts';
import { flowKey } from './fields.ts';

/** A flow with the steps it is made of. */
export function outline(identity: Pick<Identity, 'outline'>): TsignRoute {
  return {
    method: 'GET',
    path: '/v2/identity/auth/api/common/:flowId/outline',
    summary: 'A verification with the steps it is made of',
    handle: async (request) => identity.outline(flowKey(request)),
  };
}
