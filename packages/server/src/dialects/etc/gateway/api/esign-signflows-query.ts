import { Type } from 'typebox';
import { FLOW_STATUS_DESCRIPTION, FLOW_STATUS_NUMBER } from '../../../../signing/index.ts';
import { defineApi } from '../api.ts';
import { text } from '../parameters.ts';

/** Where a flow stands (contracts/etc-gateway.md, esign.signflows.query). Times are epoch ms, null where there is none. */
export const esignSignflowsQuery = defineApi({
  apiCode: 'esign.signflows.query',
  params: Type.Object({ flowId: text(64) }),
  run: async ({ app, signing }, params) => {
    const flow = await signing.flow(app.appId, params.flowId);
    return {
      flowId: flow.flowId,
      appId: flow.appId,
      autoArchive: flow.autoArchive,
      businessScene: flow.businessScene,
      flowStartTime: flow.startedAt.getTime(),
      flowEndTime: flow.endedAt?.getTime() ?? null,
      flowStatus: FLOW_STATUS_NUMBER[flow.state],
      flowDesc: FLOW_STATUS_DESCRIPTION[flow.state],
      initiatorAccountId: flow.initiatorMemberNo,
      initiatorAuthorizedAccountId: flow.initiatorOrgNo,
      signValidity: flow.signValidity?.getTime() ?? null,
    };
  },
});
