import type { Identity } from '../../../identity/index.ts';
import type { TsignRoute } from '../route.ts';
import { flowKey } from './fields.ts';

/** The letter of authorisation as a PDF, its link valid for 60 minutes. */
export function letterTemplate(identity: Pick<Identity, 'letterTemplate'>): TsignRoute {
  return {
    method: 'GET',
    path: '/v2/identity/auth/pub/organization/:flowId/template/download',
    summary: "The letter of authorisation with the company's data",
    handle: async (request) => identity.letterTemplate(flowKey(request)),
  };
}
