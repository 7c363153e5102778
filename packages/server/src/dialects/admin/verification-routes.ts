import { Type } from 'typebox';
import type { Identity, VerificationRecord, VerificationSummary } from '../../identity/index.ts';
import { OPERATOR, type AdminServer } from './routes.ts';

const ROWS_DEFAULT = 50;
const ROWS_MAX = 500;
/** A letter as Base64, or a register: larger than other bodies. */
const UPLOAD_BYTES_MAX = 64 * 1024 * 1024;

const FlowParams = Type.Object({ flowId: Type.String({ pattern: '^[0-9]{1,19}$' }) });
const Filter = Type.Object({
  app_id: Type.Optional(Type.String({ maxLength: 16 })),
  state: Type.Optional(
    Type.Union(['open', 'verified', 'expired', 'cancelled', 'failed'].map((state) => Type.Literal(state))),
  ),
  letter: Type.Optional(Type.Literal('waiting')),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: ROWS_MAX })),
});
const reasonText = Type.String({ minLength: 1, maxLength: 200, pattern: '\\S' });
const Reason = Type.Object({ reason: reasonText }, { additionalProperties: false });
const Upload = Type.Object(
  {
    file_name: Type.String({ minLength: 1, maxLength: 200 }),
    base64: Type.String({ pattern: '^[A-Za-z0-9+/]*={0,2}$' }),
  },
  { additionalProperties: false },
);

function presentSummary(flow: VerificationSummary): Record<string, unknown> {
  return {
    flow_id: flow.flowId,
    app_id: flow.appId,
    state: flow.state,
    process: flow.process,
    company_name: flow.companyName,
    org_code: flow.orgCode,
    etc_org_no: flow.etcOrgNo,
    etc_member_no: flow.etcMemberNo,
    letter_status: flow.letterStatus,
    created_at: flow.createdAt,
    modified_at: flow.modifiedAt,
    expires_at: flow.expiresAt,
  };
}

function presentRecord(flow: VerificationRecord): Record<string, unknown> {
  return {
    ...presentSummary(flow),
    origin: flow.origin,
    legal_rep_name: flow.legalRepName,
    legal_rep_id_no: flow.legalRepIdNo,
    sub_account: flow.subAccount,
    payer_name: flow.payerName,
    payer_account_no: flow.payerAccountNo,
    pay_amount: flow.payAmount,
    biz_flow_no: flow.bizFlowNo,
    failure: flow.failure,
    end_reason: flow.endReason,
    letter_opinion: flow.letterOpinion,
    transfer: flow.transfer && {
      state: flow.transfer.state,
      bank: flow.transfer.bank,
      subbranch: flow.transfer.subbranch,
      cnaps_code: flow.transfer.cnapsCode,
      card_no: flow.transfer.cardNo,
      amount: flow.transfer.amount,
      biz_flow_no: flow.transfer.bizFlowNo,
    },
  };
}

/** `/verifications`, `/register`, `/subbranches`: company verification for operators. Numbers and persons who paid are masked; a reveal is audited. */
export function registerVerificationRoutes(admin: AdminServer, { identity }: { identity: Identity }): void {
  /** The flow with its application, which an operator does not name. */
  const keyOf = async (flowId: string): Promise<{ appId: string; flowId: string }> => {
    const { appId } = await identity.show({ flowId });
    return { appId, flowId };
  };
  const shown = async (flowId: string): Promise<Record<string, unknown>> =>
    presentRecord(await identity.show({ flowId }));

  admin.get('/verifications', { schema: { querystring: Filter } }, async ({ query }) => {
    const flows = await identity.list({
      ...(query.app_id !== undefined && { appId: query.app_id }),
      ...(query.state !== undefined && { state: query.state }),
      ...(query.letter !== undefined && { letterWaiting: true }),
      limit: query.limit ?? ROWS_DEFAULT,
    });
    return { verifications: flows.map(presentSummary) };
  });

  admin.get('/verifications/:flowId', { schema: { params: FlowParams } }, async ({ params }) => shown(params.flowId));

  const acting = { schema: { params: FlowParams, body: Reason } };
  admin.post('/verifications/:flowId/reveal', acting, async ({ params, body }) =>
    presentRecord(await identity.show({ flowId: params.flowId }, { actor: OPERATOR, reason: body.reason })),
  );

  admin.post('/verifications/:flowId/cancel', acting, async ({ params, body }) => {
    await identity.cancel({ ...(await keyOf(params.flowId)), actor: OPERATOR, reason: body.reason });
    return shown(params.flowId);
  });

  admin.post('/verifications/:flowId/letter/open', { schema: { params: FlowParams } }, async ({ params }) => {
    const { fileUrl } = await identity.openLetter({ ...(await keyOf(params.flowId)), actor: OPERATOR });
    return { ...(await shown(params.flowId)), letter_url: fileUrl };
  });

  admin.post('/verifications/:flowId/letter/accept', acting, async ({ params, body }) => {
    await identity.acceptLetter({ ...(await keyOf(params.flowId)), actor: OPERATOR, reason: body.reason });
    return shown(params.flowId);
  });

  admin.post('/verifications/:flowId/letter/refuse', acting, async ({ params, body }) => {
    await identity.refuseLetter({ ...(await keyOf(params.flowId)), actor: OPERATOR, reason: body.reason });
    return shown(params.flowId);
  });

  const uploading = { bodyLimit: UPLOAD_BYTES_MAX };
  const letterRoute = { ...uploading, schema: { params: FlowParams, body: Upload } };
  admin.put('/verifications/:flowId/letter', letterRoute, async ({ params, body }) => {
    const bytes = Buffer.from(body.base64, 'base64');
    await identity.submitLetter({ ...(await keyOf(params.flowId)), fileName: body.file_name, bytes, actor: OPERATOR });
    return shown(params.flowId);
  });

  admin.put('/register', { ...uploading, schema: { body: Upload } }, async ({ body }) =>
    identity.importRegister({ csv: Buffer.from(body.base64, 'base64'), actor: OPERATOR }),
  );

  admin.put('/subbranches', { ...uploading, schema: { body: Upload } }, async ({ body }) =>
    identity.importSubbranches({ csv: Buffer.from(body.base64, 'base64'), actor: OPERATOR }),
  );
}
