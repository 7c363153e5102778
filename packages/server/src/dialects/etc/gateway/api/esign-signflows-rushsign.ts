import { Type } from 'typebox';
import { defineApi } from '../api.ts';
import { text, textLike } from '../parameters.ts';

/** Sends a signer whose turn it is their link again (contracts/etc-gateway.md, esign.signflows.rushsign). */
export const esignSignflowsRushsign = defineApi({
  apiCode: 'esign.signflows.rushsign',
  params: Type.Object({ flowId: text(64), idNumber: textLike('^\\d{17}[\\dXx]$', '18位身份证号', 18) }),
  run: async ({ app, signing, actor }, params) => {
    await signing.remindSigner({ appId: app.appId, flowId: params.flowId, idNumber: params.idNumber, actor });
    return { result: true };
  },
});
