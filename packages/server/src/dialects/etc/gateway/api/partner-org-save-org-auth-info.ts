import { Type } from 'typebox';
import { defineApi } from '../api.ts';
import { text, textLike, webUrl } from '../parameters.ts';

/**
 * Keeps a company's licence and legal representative for its verification (contracts/etc-gateway.md,
 * partner.org.saveOrgAuthInfo). The contract gives no length for the loose fields; these are ours.
 */
export const partnerOrgSaveOrgAuthInfo = defineApi({
  apiCode: 'partner.org.saveOrgAuthInfo',
  params: Type.Object({
    etc_org_no: text(32),
    biz_license_info: Type.Object({
      cert_no: text(32),
      name: text(100),
      begin_date: Type.Optional(text(20)),
      end_date: Type.Optional(text(20)),
      address: Type.Optional(text(200)),
      front_url: Type.Optional(webUrl(500)),
      back_url: Type.Optional(webUrl(500)),
      business_cope: Type.Optional(text(2000)),
    }),
    legal_id_card_info: Type.Object({
      cert_no: text(32),
      legal_name: text(50),
      legal_mobile: textLike('^1\\d{10}$', '11位手机号'),
      begin_date: Type.Optional(text(20)),
      end_date: Type.Optional(text(20)),
      address: Type.Optional(text(200)),
      front_url: Type.Optional(webUrl(500)),
      back_url: Type.Optional(webUrl(500)),
    }),
  }),
  run: async ({ app, identity, actor }, { etc_org_no, biz_license_info, legal_id_card_info }) => {
    const { cert_no: orgCode, name: orgName, ...license } = biz_license_info;
    const {
      cert_no: legalRepIdNo,
      legal_name: legalRepName,
      legal_mobile: legalRepMobile,
      ...card
    } = legal_id_card_info;
    await identity.saveOrgAuthInfo({
      appId: app.appId,
      etcOrgNo: etc_org_no,
      company: { orgName, orgCode, legalRepName },
      legalRepIdNo,
      legalRepMobile,
      further: { biz_license_info: license, legal_id_card_info: card },
      actor,
    });
    return { etc_org_no };
  },
});
