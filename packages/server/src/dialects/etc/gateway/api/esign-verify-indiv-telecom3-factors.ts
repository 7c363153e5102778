import { Type } from 'typebox';
import { defineApi } from '../api.ts';
import { text } from '../parameters.ts';

/** The same with a mobile number (contracts/etc-gateway.md, esign.verify.indiv.telecom3Factors). */
export const esignVerifyIndivTelecom3Factors = defineApi({
  apiCode: 'esign.verify.indiv.telecom3Factors',
  params: Type.Object({ name: text(50), idNumber: text(32), mobile: text(20) }),
  run: async ({ identity }, { name, idNumber, mobile }) => identity.comparePerson({ name, idNumber, mobile }),
});
