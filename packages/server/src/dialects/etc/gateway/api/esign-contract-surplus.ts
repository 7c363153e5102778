import { Type } from 'typebox';
import { defineApi } from '../api.ts';

/** What an application without a quota reads: the largest number that a client's int holds. */
const UNLIMITED = 2_147_483_647;

/** How many contracts are left (contracts/etc-gateway.md, esign.contract.surplus). */
export const esignContractSurplus = defineApi({
  apiCode: 'esign.contract.surplus',
  params: Type.Object({}),
  run: async ({ app, quotas }) => {
    const surplus = await quotas.surplus(app.appId);
    return { surplus_contract: surplus.kind === 'limited' ? surplus.contracts : UNLIMITED };
  },
});
