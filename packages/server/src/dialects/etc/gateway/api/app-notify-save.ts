import { Type } from 'typebox';
import { ANSWERS, GatewayRefusal } from '../answers.ts';
import { defineApi } from '../api.ts';
import { text, webUrl } from '../parameters.ts';

/** Sets where the app's notifications go. An app sets its own address alone. */
export const appNotifySave = defineApi({
  apiCode: 'app.notify.save',
  params: Type.Object({ app_id: text(16), notify_url: webUrl(512) }),
  run: async ({ app, apps, actor }, params) => {
    if (params.app_id !== app.appId) throw new GatewayRefusal(ANSWERS.notPermitted);
    await apps.setNotifyUrl({ appId: app.appId, notifyUrl: params.notify_url, actor });
    return { app_id: app.appId };
  },
});
