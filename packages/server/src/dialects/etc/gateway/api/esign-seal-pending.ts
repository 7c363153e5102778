import { Type } from 'typebox';
import { chinaDate } from '../../../../platform/clock.ts';
import { defineApi } from '../api.ts';

/** The seals that wait for a review (contracts/etc-gateway.md, esign.seal.pending), the longest waiting first. */
export const esignSealPending = defineApi({
  apiCode: 'esign.seal.pending',
  params: Type.Object({}),
  run: async ({ app, sealReview }) => {
    const waiting = await sealReview.pending(app.appId);
    return waiting.map((seal) => ({
      etc_org_no: seal.etcOrgNo,
      alias: seal.alias,
      seal_url: seal.sealUrl,
      seal_id: seal.sealId,
      create_date: chinaDate(seal.createdAt),
    }));
  },
});
