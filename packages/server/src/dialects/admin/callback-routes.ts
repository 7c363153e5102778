import { Type } from 'typebox';
import { DomainError } from '../../platform/errors.ts';
import type { Relay, RelayOperations } from '../../relay/index.ts';
import { CallbackFilter, readCallbackFilter, SUPERSEDED } from './callback-filter.ts';
import { presentAttempt, presentDelivery } from './callback-present.ts';
import { OPERATOR, type AdminServer } from './routes.ts';

export interface CallbackRouteDependencies {
  readonly relay: Relay;
  readonly relayOperations: Pick<RelayOperations, 'exportEvidence'>;
}

const schema = { params: Type.Object({ requestId: Type.String({ format: 'uuid' }) }) };

const ReplayQuery = Type.Object({ superseded: Type.Optional(SUPERSEDED) }, { additionalProperties: false });

/** `/callbacks`: deliveries with their attempts and their evidence, and what an operator does with one of them. */
export function registerCallbackRoutes(admin: AdminServer, dependencies: CallbackRouteDependencies): void {
  const { relay, relayOperations } = dependencies;

  /** The newest first; the next page begins `before` the last `request_id` of this one. */
  admin.get('/callbacks', { schema: { querystring: CallbackFilter } }, async ({ query }) => {
    const deliveries = await relay.listDeliveries(readCallbackFilter(query));
    return { callbacks: deliveries.map(presentDelivery) };
  });

  const existing = async (requestId: string) => {
    const delivery = await relay.showDelivery(requestId);
    if (delivery === null) throw new DomainError('delivery_not_found', { requestId });
    return delivery;
  };

  admin.get('/callbacks/:requestId', { schema }, async ({ params }) => {
    const delivery = await existing(params.requestId.toLowerCase());
    return {
      ...presentDelivery(delivery),
      content: delivery.content,
      attempt_list: delivery.attemptList.map(presentAttempt),
    };
  });

  /** What a third party checks by docs/evidence.md. */
  admin.get('/callbacks/:requestId/evidence', { schema }, async ({ params }) =>
    relayOperations.exportEvidence(params.requestId.toLowerCase()),
  );

  admin.post(
    '/callbacks/:requestId/replays',
    { schema: { ...schema, querystring: ReplayQuery } },
    async ({ params, query }, reply) => {
      const replayed = await relay.replay(params.requestId.toLowerCase(), OPERATOR, query);
      return reply.code(201).send(presentDelivery(replayed));
    },
  );

  for (const act of ['skip', 'park', 'release'] as const) {
    admin.post(`/callbacks/:requestId/${act}`, { schema }, async ({ params }) => {
      const requestId = params.requestId.toLowerCase();
      await relay[act](requestId, OPERATOR);
      return presentDelivery(await existing(requestId));
    });
  }
}
