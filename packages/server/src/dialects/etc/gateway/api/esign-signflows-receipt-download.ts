import { Type } from 'typebox';
import { defineApi } from '../api.ts';
import { text } from '../parameters.ts';

/** A URL of a signed receipt, for an hour (contracts/etc-gateway.md, esign.signflows.receipt.download). */
export const esignSignflowsReceiptDownload = defineApi({
  apiCode: 'esign.signflows.receipt.download',
  params: Type.Object({ sign_flow_id: text(64) }),
  run: async ({ app, receipts }, params) => ({
    sign_file_url: await receipts.downloadUrl(app.appId, params.sign_flow_id),
  }),
});
