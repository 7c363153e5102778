import { Type } from 'typebox';
import { SHARED_CALLEES, type Callee, type Relay } from '../../relay/index.ts';
import { DomainError } from '../../platform/errors.ts';
import { OPERATOR, type AdminServer } from './routes.ts';

const CalleeParams = Type.Object({ calleeNo: Type.String({ maxLength: 64 }) });
/** Whose callee: an application's id, or `*` (the default) for one that every application may name. */
const Owner = Type.Object({ app_id: Type.Optional(Type.String({ maxLength: 16 })) }, { additionalProperties: false });

const Statuses = Type.Optional(Type.Array(Type.Integer(), { maxItems: 50 }));
const Change = Type.Object(
  {
    url: Type.Optional(Type.String()),
    profile: Type.Optional(Type.String()),
    sign_type: Type.Optional(Type.String()),
    enabled: Type.Optional(Type.Boolean()),
    webhook_secret: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    acknowledge: Type.Optional(
      Type.Union([
        Type.Null(),
        Type.Object({ kind: Type.Literal('status'), statuses: Type.Array(Type.Integer(), { maxItems: 50 }) }),
        Type.Object({ kind: Type.Literal('text'), text: Type.String(), statuses: Statuses }),
        Type.Object({
          kind: Type.Literal('json'),
          path: Type.String(),
          value: Type.Union([Type.String(), Type.Number(), Type.Boolean()]),
          statuses: Statuses,
        }),
      ]),
    ),
    delays_ms: Type.Optional(Type.Union([Type.Array(Type.Integer(), { maxItems: 100 }), Type.Null()])),
  },
  { additionalProperties: false },
);

function presentCallee(callee: Callee): Record<string, unknown> {
  return {
    callee_no: callee.calleeNo,
    app_id: callee.appId,
    url: callee.url,
    profile: callee.profile,
    sign_type: callee.signType,
    enabled: callee.enabled,
    has_own_webhook_secret: callee.hasOwnSecret,
    acknowledge: callee.acknowledge,
    delays_ms: callee.delaysMs,
    created_at: callee.createdAt,
    updated_at: callee.updatedAt,
  };
}

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

  const schema = { params: CalleeParams, querystring: Owner, body: Change };
  admin.put('/callees/:calleeNo', { schema }, async ({ params, query, body }) =>
    presentCallee(
      await relay.setCallee({
        appId: query.app_id ?? SHARED_CALLEES,
        calleeNo: params.calleeNo,
        ...(body.url !== undefined && { url: body.url }),
        ...(body.profile !== undefined && { profile: body.profile }),
        ...(body.sign_type !== undefined && { signType: body.sign_type }),
        ...(body.enabled !== undefined && { enabled: body.enabled }),
        ...(body.webhook_secret !== undefined && { webhookSecret: body.webhook_secret }),
        ...(body.acknowledge !== undefined && { acknowledge: body.acknowledge }),
        ...(body.delays_ms !== undefined && { delaysMs: body.delays_ms }),
        actor: OPERATOR,
      }),
    ),
  );
}
