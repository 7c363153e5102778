import { Type } from 'typebox';
import { defineApi } from '../api.ts';
import { oneOf, text } from '../parameters.ts';

/** Lets a seal pass (1) or rejects it (2) (contracts/etc-gateway.md, esign.seal.review). */
export const esignSealReview = defineApi({
  apiCode: 'esign.seal.review',
  params: Type.Object({
    etc_org_no: text(32),
    seal_id: text(32),
    status: oneOf(['1', '2'], true),
    reason: Type.Optional(text(200)),
  }),
  run: async ({ app, sealReview, actor }, params) => {
    await sealReview.review({
      appId: app.appId,
      etcOrgNo: params.etc_org_no,
      sealId: params.seal_id,
      passes: params.status === '1',
      reason: params.reason ?? null,
      actor,
    });
    return true;
  },
});
