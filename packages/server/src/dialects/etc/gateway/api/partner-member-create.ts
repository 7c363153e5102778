import { Type } from 'typebox';
import { MEMBER_ROLES } from '../../../../parties/index.ts';
import { defineApi } from '../api.ts';
import { oneOf, text, textLike } from '../parameters.ts';

/** Makes a member of a company known (contracts/etc-gateway.md, partner.member.create). */
export const partnerMemberCreate = defineApi({
  apiCode: 'partner.member.create',
  params: Type.Object({
    etc_org_no: text(32),
    biz_member_no: text(32),
    member_name: text(20),
    mobile: Type.Optional(textLike('^1\\d{10}$', '11位手机号')),
    role_type: Type.Optional(oneOf(MEMBER_ROLES)),
  }),
  run: async ({ app, parties, actor }, params) => {
    const member = await parties.createMember({
      appId: app.appId,
      actor,
      etcOrgNo: params.etc_org_no,
      bizMemberNo: params.biz_member_no,
      memberName: params.member_name,
      mobile: params.mobile,
      roleType: params.role_type,
    });
    return { etc_member_no: member.etcMemberNo };
  },
});
