import { Type } from 'typebox';
import type { Org, Parties } from '../../parties/index.ts';
import { DomainError } from '../../platform/errors.ts';
import { OPERATOR, type AdminServer } from './routes.ts';

const OrgParams = Type.Object({ etcOrgNo: Type.String({ maxLength: 64 }) });
const OrgFilter = Type.Object(
  { app_id: Type.Optional(Type.String({ maxLength: 16 })) },
  { additionalProperties: false },
);
const Vouching = Type.Object(
  { reason: Type.String({ minLength: 1, maxLength: 200, pattern: '\\S' }) },
  { additionalProperties: false },
);

function presentOrg(org: Org): Record<string, unknown> {
  return {
    etc_org_no: org.etcOrgNo,
    app_id: org.appId,
    biz_org_no: org.bizOrgNo,
    org_type: org.orgType,
    org_name: org.orgName,
    parent_biz_org_no: org.parentBizOrgNo,
    social_credit_code: org.socialCreditCode,
    auth_status: org.verifiedAt === null ? '02' : '01',
    verified_at: org.verifiedAt,
    created_at: org.createdAt,
  };
}

/** `/orgs`: list, show, and an operator's word that a company is who it says (audited with the reason). */
export function registerOrgRoutes(admin: AdminServer, { parties }: { parties: Parties }): void {
  admin.get('/orgs', { schema: { querystring: OrgFilter } }, async ({ query }) => {
    const orgs = await parties.listOrgs(query.app_id === undefined ? {} : { appId: query.app_id });
    return { orgs: orgs.map(presentOrg) };
  });

  admin.get('/orgs/:etcOrgNo', { schema: { params: OrgParams } }, async ({ params }) => {
    const org = await parties.showOrg(params.etcOrgNo);
    if (org === undefined) throw new DomainError('org_not_found', { etcOrgNo: params.etcOrgNo });
    return presentOrg(org);
  });

  admin.put('/orgs/:etcOrgNo/verification', { schema: { params: OrgParams, body: Vouching } }, async (request) => {
    const { etcOrgNo } = request.params;
    return presentOrg(await parties.verifyOrg({ etcOrgNo, reason: request.body.reason, actor: OPERATOR }));
  });
}
