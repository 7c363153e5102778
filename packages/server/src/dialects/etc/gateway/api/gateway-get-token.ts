import { Type } from 'typebox';
import { defineApi } from '../api.ts';
import { textLike } from '../parameters.ts';

/** A token that opens the member's own verification page (contracts/etc-gateway.md, gateway.getToken). */
export const gatewayGetToken = defineApi({
  apiCode: 'gateway.getToken',
  params: Type.Object({ etc_member_no: textLike('^[0-9a-f]{32}$', '32位用户编号', 32) }),
  run: async ({ app, identity }, params) => {
    const { token } = await identity.memberToken({ appId: app.appId, etcMemberNo: params.etc_member_no });
    return { 'etc-token': token };
  },
});
