import { Type } from 'typebox';
import type { EvidenceReports } from '../../evidence-report/index.ts';
import { maskName } from '../../platform/masking.ts';
import type { Signing, StalledFlow } from '../../signing/index.ts';
import { OPERATOR, type AdminServer } from './routes.ts';
import { STALL_FIXES } from './stall-fixes.ts';

const FlowParams = Type.Object({ flowId: Type.String({ maxLength: 64 }) });

const STALLED_MAX = 1_000;
const STALLED_DEFAULT = 100;
const StalledFilter = Type.Object(
  {
    app_id: Type.Optional(Type.String({ maxLength: 16, description: "whose flows; without it, everybody's" })),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: STALLED_MAX, description: `${STALLED_DEFAULT} by default` }),
    ),
  },
  { additionalProperties: false },
);

interface FlowRouteDependencies {
  evidence: Pick<EvidenceReports, 'report'>;
  signing: Pick<Signing, 'appOf' | 'stalledFlows'>;
}

function presentStalled({ signer, reason, ...flow }: StalledFlow): Record<string, unknown> {
  return {
    app_id: flow.appId,
    flow_id: flow.flowId,
    subject: flow.subject,
    signer: signer.kind === 'company' ? signer.name : maskName(signer.name),
    etc_org_no: signer.orgNo,
    reason,
    detail: flow.detail,
    since: flow.since,
    attempts: flow.attempts,
    fix: STALL_FIXES[reason],
  };
}

/**
 * `/flows/stalled`: flows whose next signature cannot be made until somebody acts, why, since when and what to do;
 * `/flows/:flowId/evidence`: the signed evidence report of a flow that ended, a PDF.
 */
export function registerFlowRoutes(admin: AdminServer, { evidence, signing }: FlowRouteDependencies): void {
  admin.get('/flows/stalled', { schema: { querystring: StalledFilter } }, async ({ query }) => {
    const { app_id: appId, limit = STALLED_DEFAULT } = query;
    const flows = await signing.stalledFlows({ rowsMax: limit, ...(appId !== undefined && { appId }) });
    return { flows: flows.map(presentStalled) };
  });

  admin.get('/flows/:flowId/evidence', { schema: { params: FlowParams } }, async ({ params: { flowId } }, reply) => {
    const report = await evidence.report({ appId: await signing.appOf(flowId), flowId, actor: OPERATOR });
    return reply
      .type('application/pdf')
      .header('content-disposition', `attachment; filename="evidence-${flowId}.pdf"`)
      .header('x-sha256', report.sha256)
      .send(report.bytes);
  });
}
