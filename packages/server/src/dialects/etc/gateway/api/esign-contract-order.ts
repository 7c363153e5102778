import { Type } from 'typebox';
import { defineApi } from '../api.ts';
import { digitsLike, text } from '../parameters.ts';

/**
 * Orders contracts (contracts/etc-gateway.md, esign.contract.order): they are there at once, and the order is on record
 * for the bill. The contract gives no length for public_estate_type; 32 is ours, as is the optional bizRequestNo.
 */
export const esignContractOrder = defineApi({
  apiCode: 'esign.contract.order',
  params: Type.Object({
    public_estate_type: text(32),
    etc_org_no: text(32),
    amount: digitsLike('^([1-9]\\d{0,5}|1000000)$', '1到1000000的整数'),
    bizRequestNo: Type.Optional(text(64)),
  }),
  run: async ({ app, quotas, actor }, params) => {
    await quotas.order({
      appId: app.appId,
      etcOrgNo: params.etc_org_no,
      publicEstateType: params.public_estate_type,
      contracts: Number(params.amount),
      bizRequestNo: params.bizRequestNo ?? null,
      actor,
    });
    return { result: true };
  },
});
