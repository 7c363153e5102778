import { LEGAL_REP_CERT_TYPES, type Identity, type LegalRepCertType } from '../../../identity/index.ts';
import { FORM, TsignRefusal } from '../errors.ts';
import type { TsignRoute } from '../route.ts';
import { actorOf, callbackFields, optionalText, requiredText } from './fields.ts';

/** The same with the legal representative's document (contracts/tsign-identity.md, fourFactors). */
export function fourFactors(identity: Pick<Identity, 'startOrganization'>): TsignRoute {
  return {
    method: 'POST',
    path: '/v2/identity/auth/api/organization/enterprise/fourFactors',
    summary: "Begins a company verification: three factors and the legal representative's document",
    handle: async ({ appId, body }) =>
      identity.startOrganization({
        appId,
        company: {
          orgName: requiredText(body, 'name', 100),
          orgCode: requiredText(body, 'orgCode', 32),
          legalRepName: requiredText(body, 'legalRepName', 100),
        },
        legalRep: { idNo: requiredText(body, 'legalRepIdNo', 32), certType: certType(body) },
        agentFlowId: optionalText(body, 'agentFlowId', 64),
        ...callbackFields(body),
        actor: actorOf(appId),
      }),
  };
}

function certType(body: Readonly<Record<string, unknown>>): LegalRepCertType {
  const given = optionalText(body, 'legalRepCertType', 64) ?? 'INDIVIDUAL_CH_IDCARD';
  const known = LEGAL_REP_CERT_TYPES.find((type) => type === given);
  if (known === undefined) {
    throw new TsignRefusal(FORM.wrong('legalRepCertType', `${LEGAL_REP_CERT_TYPES.join('、')}之一`));
  }
  return known;
}
