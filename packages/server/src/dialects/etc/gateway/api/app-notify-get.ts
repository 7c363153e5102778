import { Type } from 'typebox';
import { ANSWERS, GatewayRefusal } from '../answers.ts';
import { defineApi } from '../api.ts';
import { text } from '../parameters.ts';

/** Where the app's notifications go; null where nothing is set. An app asks for itself alone. */
export const appNotifyGet = defineApi({
  apiCode: 'app.notify.get',
  params: Type.Object({ app_id: text(16) }),
  run: async ({ app }, params) => {
    if (params.app_id !== app.appId) throw new GatewayRefusal(ANSWERS.notPermitted);
    return { app_id: app.appId, notify_url: app.notifyUrl };
  },
});
