import type { Identity } from '../../../identity/index.ts';
import type { TsignRoute } from '../route.ts';
import { flowKey } from './fields.ts';

/** A flow with the company it is about. */
export function detail(identity: Pick<Identity, 'detail'>): TsignRoute {
  return {
    method: 'GET',
    path: '/v2/identity/auth/api/common/:flowId/detail',
    summary: 'A verification with the company it is about',
    handle: async (request) => identity.detail(flowKey(request)),
  };
}
