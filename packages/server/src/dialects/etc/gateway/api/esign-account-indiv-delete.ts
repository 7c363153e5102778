import { Type } from 'typebox';
import { defineApi } from '../api.ts';
import { textLike } from '../parameters.ts';

/**
 * Erases a person's data and keeps the proof (contracts/etc-gateway.md, esign.account.indiv.delete). Somebody unknown is
 * answered as somebody erased is.
 */
export const esignAccountIndivDelete = defineApi({
  apiCode: 'esign.account.indiv.delete',
  params: Type.Object({ user_id: textLike('^(1\\d{10}|\\d{17}[\\dXx])$', '11位手机号或18位身份证号', 18) }),
  run: async ({ app, signing, actor }, params) => {
    await signing.erasePerson({ appId: app.appId, userId: params.user_id, actor });
    return true;
  },
});
