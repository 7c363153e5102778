import { Type } from 'typebox';
import { defineApi } from '../api.ts';
import { text } from '../parameters.ts';

/** Whether a person's number can be one (contracts/etc-gateway.md, esign.verify.indiv.base). */
export const esignVerifyIndivBase = defineApi({
  apiCode: 'esign.verify.indiv.base',
  params: Type.Object({ name: text(50), idNumber: text(32) }),
  run: async ({ identity }, { name, idNumber }) => identity.comparePerson({ name, idNumber, mobile: null }),
});
