import type { Identity } from '../../../identity/index.ts';
import type { TsignRoute } from '../route.ts';
import { actorOf, flowKey, optionalText } from './fields.ts';

/** Where to pay 0.01 yuan (contracts/tsign-identity.md, reversePayment). */
export function reversePayment(identity: Pick<Identity, 'reversePayment'>): TsignRoute {
  return {
    method: 'POST',
    path: '/v2/identity/auth/pub/organization/:flowId/reversePayment',
    summary: 'Gives the flow its receiving sub-account',
    handle: async (request) =>
      identity.reversePayment({
        ...flowKey(request),
        authLetterFileId: optionalText(request.body, 'authLetterFileId', 64),
        actor: actorOf(request.appId),
      }),
  };
}
