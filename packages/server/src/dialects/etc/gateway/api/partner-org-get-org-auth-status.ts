import { Type } from 'typebox';
import { defineApi } from '../api.ts';
import { text } from '../parameters.ts';

/** Whether a company is verified: 01 yes, 02 no (contracts/etc-gateway.md, partner.org.getOrgAuthStatus). */
export const partnerOrgGetOrgAuthStatus = defineApi({
  apiCode: 'partner.org.getOrgAuthStatus',
  params: Type.Object({ etc_org_no: text(32) }),
  run: async ({ app, parties }, params) => ({
    etc_org_no: params.etc_org_no,
    auth_status: await parties.orgAuthStatus(app.appId, params.etc_org_no),
  }),
});
