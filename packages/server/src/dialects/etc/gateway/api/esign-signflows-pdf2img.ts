import { Type } from 'typebox';
import { defineApi } from '../api.ts';
import { text } from '../parameters.ts';

/** A PNG of each page of the flow's newest revision, as URLs for an hour (contracts/etc-gateway.md, esign.signflows.pdf2img). */
export const esignSignflowsPdf2img = defineApi({
  apiCode: 'esign.signflows.pdf2img',
  params: Type.Object({ flowId: text(64) }),
  run: async ({ app, signing, pageImages }, params) => {
    const [document] = await signing.documents(app.appId, params.flowId);
    const imgUrls = document ? await pageImages.urls({ appId: app.appId, fileId: document.fileId }) : [];
    return { imgUrls };
  },
});
