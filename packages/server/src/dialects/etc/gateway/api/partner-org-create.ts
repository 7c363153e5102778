import { Type } from 'typebox';
import { ORG_TYPES } from '../../../../parties/index.ts';
import { defineApi } from '../api.ts';
import { oneOf, text, textLike } from '../parameters.ts';

const MOBILE = '^1\\d{10}$';

/** Makes a company known (contracts/etc-gateway.md, partner.org.create). The contract gives no length for the loose fields; these are ours. */
export const partnerOrgCreate = defineApi({
  apiCode: 'partner.org.create',
  params: Type.Object({
    biz_org_no: text(32),
    org_type: oneOf(ORG_TYPES),
    org_name: text(50),
    parent_biz_org_no: Type.Optional(text(32)),
    address: Type.Optional(text(200)),
    contact_name: Type.Optional(text(50)),
    contact_mobile: Type.Optional(textLike(MOBILE, '11位手机号')),
    contact_email: Type.Optional(textLike('^[^\\s@]+@[^\\s@]+$', '电子邮箱地址')),
    prov_name: Type.Optional(text(50)),
    prov_code: Type.Optional(text(20)),
    city_name: Type.Optional(text(50)),
    city_code: Type.Optional(text(20)),
    legal_mobile: Type.Optional(textLike(MOBILE, '11位手机号')),
    biz_org_business_no: Type.Optional(text(64)),
    etc_org_label_no: Type.Optional(text(64)),
    social_credit_code: Type.Optional(text(18)),
    legal_person: Type.Optional(text(20)),
  }),
  run: async ({ app, parties, actor }, params) => {
    const org = await parties.createOrg({
      appId: app.appId,
      actor,
      bizOrgNo: params.biz_org_no,
      orgType: params.org_type,
      orgName: params.org_name,
      details: {
        parentBizOrgNo: params.parent_biz_org_no,
        address: params.address,
        contactName: params.contact_name,
        contactMobile: params.contact_mobile,
        contactEmail: params.contact_email,
        provName: params.prov_name,
        provCode: params.prov_code,
        cityName: params.city_name,
        cityCode: params.city_code,
        legalMobile: params.legal_mobile,
        bizOrgBusinessNo: params.biz_org_business_no,
        etcOrgLabelNo: params.etc_org_label_no,
        socialCreditCode: params.social_credit_code,
        legalPerson: params.legal_person,
      },
    });
    return { etc_org_no: org.etcOrgNo };
  },
});
