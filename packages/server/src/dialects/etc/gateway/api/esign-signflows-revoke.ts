import { Type } from 'typebox';
import { defineApi } from '../api.ts';
import { text } from '../parameters.ts';

/**
 * Seed 002: the initiator's member ends a flow that is being signed. An over-long reason is not a fault of form here:
 * it has a code of its own (1438108), and signing decides on it.
 */
export const esignSignflowsRevoke = defineApi({
  apiCode: 'esign.signflows.revoke',
  params: Type.Object({
    flowId: text(64),
    etc_member_no: text(64),
    revokeReason: Type.Optional(Type.String({ expected: '字符串' })),
  }),
  run: async ({ app, signing }, params) => {
    await signing.revokeFlow({
      appId: app.appId,
      flowId: params.flowId,
      etcMemberNo: params.etc_member_no,
      ...(params.revokeReason === undefined ? {} : { reason: params.revokeReason }),
    });
    return { revokeResult: true };
  },
});
