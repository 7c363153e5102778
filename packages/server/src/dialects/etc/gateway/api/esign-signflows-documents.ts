import { Type } from 'typebox';
import { defineApi } from '../api.ts';
import { text } from '../parameters.ts';

/** The flow's documents with short-lived URLs. The source's sample shows one bare object; the answer here is a list. */
export const esignSignflowsDocuments = defineApi({
  apiCode: 'esign.signflows.documents',
  params: Type.Object({ flowId: text(64) }),
  run: async ({ app, signing }, params) => {
    const documents = await signing.documents(app.appId, params.flowId);
    return { docs: documents.map(({ fileId, fileName, fileUrl }) => ({ fileId, fileName, fileUrl })) };
  },
});
