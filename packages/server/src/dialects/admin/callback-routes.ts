import { Type } from 'typebox';
import { DELIVERY_STATES, type Attempt, type Delivery, type Relay } from '../../relay/index.ts';
import { DomainError } from '../../platform/errors.ts';
import { OPERATOR, type AdminServer } from './routes.ts';

const PAGE_DEFAULT = 50;
const PAGE_MAX = 500;

const DeliveryParams = Type.Object({ requestId: Type.String({ format: 'uuid' }) });
const Filter = Type.Object(
  {
    app_id: Type.Optional(Type.String({ maxLength: 16 })),
    callee_no: Type.Optional(Type.String({ maxLength: 64 })),
    state: Type.Optional(Type.Union(DELIVERY_STATES.map((state) => Type.Literal(state)))),
    message_type: Type.Optional(Type.String({ maxLength: 128 })),
    before: Type.Optional(Type.String({ format: 'uuid' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: PAGE_MAX })),
  },
  { additionalProperties: false },
);

function presentDelivery(delivery: Delivery): Record<string, unknown> {
  return {
    request_id: delivery.requestId,
    app_id: delivery.appId,
    state: delivery.state,
    profile: delivery.profile,
    url: delivery.url,
    callee_no: delivery.calleeNo,
    caller_no: delivery.callerNo,
    message_type: delivery.messageType,
    attempts: delivery.attempts,
    reason: delivery.reason,
    accepted_at: delivery.acceptedAt,
    occurred_at: delivery.occurredAt,
    due_at: delivery.dueAt,
    ended_at: delivery.endedAt,
  };
}

function presentAttempt(attempt: Attempt): Record<string, unknown> {
  return {
    number: attempt.number,
    url: attempt.url,
    started_at: attempt.startedAt,
    duration_ms: attempt.durationMs,
    outcome: attempt.outcome,
    status: attempt.status,
    reason: attempt.reason,
    answer: attempt.answer?.toString('utf8') ?? null,
    remote_address: attempt.remoteAddress,
    node: attempt.node,
  };
}

/** `/callbacks`: deliveries with their attempts, and the replay of one that ended. */
export function registerCallbackRoutes(admin: AdminServer, { relay }: { relay: Relay }): void {
  admin.get('/callbacks', { schema: { querystring: Filter } }, async ({ query }) => {
    const deliveries = await relay.listDeliveries({
      ...(query.app_id !== undefined && { appId: query.app_id }),
      ...(query.callee_no !== undefined && { calleeNo: query.callee_no }),
      ...(query.state !== undefined && { state: query.state }),
      ...(query.message_type !== undefined && { messageType: query.message_type }),
      ...(query.before !== undefined && { before: query.before }),
      limit: query.limit ?? PAGE_DEFAULT,
    });
    return { callbacks: deliveries.map(presentDelivery) };
  });

  admin.get('/callbacks/:requestId', { schema: { params: DeliveryParams } }, async ({ params }) => {
    const delivery = await relay.showDelivery(params.requestId.toLowerCase());
    if (delivery === null) throw new DomainError('delivery_not_found', { requestId: params.requestId });
    return {
      ...presentDelivery(delivery),
      content: delivery.content,
      attempt_list: delivery.attemptList.map(presentAttempt),
    };
  });

  admin.post('/callbacks/:requestId/replays', { schema: { params: DeliveryParams } }, async ({ params }, reply) =>
    reply.code(201).send(presentDelivery(await relay.replay(params.requestId.toLowerCase(), OPERATOR))),
  );
}
