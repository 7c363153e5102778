import { Type } from 'typebox';
import { defineApi } from '../api.ts';
import { text } from '../parameters.ts';

/** The same with the legal representative's name and number (contracts/etc-gateway.md, esign.verify.org.bureau4Factors). */
export const esignVerifyOrgBureau4Factors = defineApi({
  apiCode: 'esign.verify.org.bureau4Factors',
  params: Type.Object({ orgName: text(100), orgCode: text(32), orgLegalName: text(50), orgLegalIdNumber: text(32) }),
  run: async ({ identity }, { orgName, orgCode, orgLegalName, orgLegalIdNumber }) =>
    identity.compareOrganization({
      orgName,
      orgCode,
      legalRepName: orgLegalName,
      legalRepIdNo: orgLegalIdNumber,
    }),
});
