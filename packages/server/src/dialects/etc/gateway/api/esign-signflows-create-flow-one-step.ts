import { defineApi } from '../api.ts';
import { oneStepCommand, OneStepParams } from '../one-step.ts';

/** Takes a sign flow on; the flow's id comes later, by the callback create_sign_process. */
export const esignSignflowsCreateFlowOneStep = defineApi({
  apiCode: 'esign.signflows.createFlowOneStep',
  params: OneStepParams,
  run: async ({ app, signing }, params) => {
    const { flowRequestId } = await signing.createFlow(oneStepCommand(app, params));
    return { flowRequestId };
  },
});
