import type { Identity } from '../../../identity/index.ts';
import type { TsignRoute } from '../route.ts';
import { flowKey } from './fields.ts';

/** Seed 001: how far the payment is. */
export function reversePaymentProcess(identity: Pick<Identity, 'reversePaymentProcess'>): TsignRoute {
  return {
    method: 'GET',
    path: '/v2/identity/auth/pub/organization/:flowId/query/reversePaymentProcess',
    summary: 'How far the reverse payment of a flow is',
    handle: async (request) => identity.reversePaymentProcess(flowKey(request)),
  };
}
