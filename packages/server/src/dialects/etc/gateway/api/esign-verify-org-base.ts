import { Type } from 'typebox';
import { defineApi } from '../api.ts';
import { text } from '../parameters.ts';

/** Whether a company's name and code belong together (contracts/etc-gateway.md, esign.verify.org.base). */
export const esignVerifyOrgBase = defineApi({
  apiCode: 'esign.verify.org.base',
  params: Type.Object({ orgName: text(32), orgCode: text(32) }),
  run: async ({ identity }, { orgName, orgCode }) =>
    identity.compareOrganization({ orgName, orgCode, legalRepName: null, legalRepIdNo: null }),
});
