import { Type } from 'typebox';
import { SHARED_CALLEES, type Relay } from '../../relay/index.ts';
import { DomainError } from '../../platform/errors.ts';
import { CalleeChangeForm, presentCallee, presentCalleeUrl, readCalleeChange } from './callee-forms.ts';
import { OPERATOR, type AdminServer } from './routes.ts';

const CalleeParams = Type.Object({ calleeNo: Type.String({ maxLength: 64 }) });
/** Whose callee: an application's id, or `*` (the default) for one that every application may name. */
const Owner = Type.Object({ app_id: Type.Optional(Type.String({ maxLength: 16 })) }, { additionalProperties: false });

const Rotation = Type.Object(
  {
    kind: Type.Union([Type.Literal('webhook'), Type.Literal('ed25519'), Type.Literal('body')]),
    overlap_ms: Type.Optional(Type.Integer()),
    webhook_secret: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);

/** `/callees`: registered destinations of the relay. A change leaves what it does not name. */
export function registerCalleeRoutes(admin: AdminServer, { relay }: { relay: Relay }): void {
  admin.get('/callees', { schema: { querystring: Owner } }, async ({ query }) => ({
    callees: (await relay.listCallees(query.app_id)).map(presentCallee),
  }));

  admin.get('/callees/:calleeNo', { schema: { params: CalleeParams, querystring: Owner } }, async (request) => {
    const { calleeNo } = request.params;
    const appId = request.query.app_id ?? SHARED_CALLEES;
    const callee = await relay.showCallee(appId, calleeNo);
    if (callee === null) throw new DomainError('callee_not_found', { appId, calleeNo });
    return presentCallee(callee);
  });

  const schema = { params: CalleeParams, querystring: Owner, body: CalleeChangeForm };
  admin.put('/callees/:calleeNo', { schema }, async ({ params, query, body }) =>
    presentCallee(
      await relay.setCallee({
        ...readCalleeChange(body),
        appId: query.app_id ?? SHARED_CALLEES,
        calleeNo: params.calleeNo,
        actor: OPERATOR,
      }),
    ),
  );

  admin.get('/callees/:calleeNo/urls', { schema: { params: CalleeParams, querystring: Owner } }, async (request) => {
    const urls = await relay.listCalleeUrls(request.query.app_id ?? SHARED_CALLEES, request.params.calleeNo);
    return { urls: urls.map(presentCalleeUrl) };
  });

  // A secret that was made is told in this answer and never again.
  const rotation = { params: CalleeParams, querystring: Owner, body: Rotation };
  admin.post('/callees/:calleeNo/rotate-secret', { schema: rotation }, async ({ params, query, body }) => {
    const { callee, webhookSecret } = await relay.rotateCalleeSecret({
      appId: query.app_id ?? SHARED_CALLEES,
      calleeNo: params.calleeNo,
      kind: body.kind,
      ...(body.overlap_ms !== undefined && { overlapMs: body.overlap_ms }),
      ...(body.webhook_secret !== undefined && { webhookSecret: body.webhook_secret }),
      actor: OPERATOR,
    });
    return { ...presentCallee(callee), ...(webhookSecret !== null && { webhook_secret: webhookSecret }) };
  });
}
