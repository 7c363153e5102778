import { Type } from 'typebox';
import type { EvidenceReports } from '../../evidence-report/index.ts';
import type { Signing } from '../../signing/index.ts';
import { OPERATOR, type AdminServer } from './routes.ts';

const FlowParams = Type.Object({ flowId: Type.String({ maxLength: 64 }) });

interface FlowRouteDependencies {
  evidence: Pick<EvidenceReports, 'report'>;
  signing: Pick<Signing, 'appOf'>;
}

/** `/flows/:flowId/evidence`: the signed evidence report of a flow that ended, a PDF. */
export function registerFlowRoutes(admin: AdminServer, { evidence, signing }: FlowRouteDependencies): void {
  admin.get('/flows/:flowId/evidence', { schema: { params: FlowParams } }, async ({ params: { flowId } }, reply) => {
    const report = await evidence.report({ appId: await signing.appOf(flowId), flowId, actor: OPERATOR });
    return reply
      .type('application/pdf')
      .header('content-disposition', `attachment; filename="evidence-${flowId}.pdf"`)
      .header('x-sha256', report.sha256)
      .send(report.bytes);
  });
}
