import { Type } from 'typebox';
import { DomainError } from '../../platform/errors.ts';
import { EVENT_KEY_CHARACTERS_MAX, type Subscription, type Subscriptions } from '../../subscriptions/index.ts';
import { OPERATOR, type AdminServer } from './routes.ts';

const PAGE_DEFAULT = 50;
const PAGE_MAX = 500;

const SubscriptionParams = Type.Object({ subscriptionId: Type.String({ format: 'uuid' }) });
const Filter = Type.Object(
  {
    app_id: Type.Optional(Type.String({ maxLength: 16 })),
    event_key: Type.Optional(Type.String({ maxLength: EVENT_KEY_CHARACTERS_MAX })),
    before: Type.Optional(Type.String({ format: 'uuid' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: PAGE_MAX })),
  },
  { additionalProperties: false },
);

function presentSubscription(subscription: Subscription): Record<string, unknown> {
  return {
    subscription_id: subscription.subscriptionId,
    app_id: subscription.appId,
    event_key: subscription.eventKey,
    callback_url: subscription.callbackUrl,
    subscriber: subscription.subscriber,
    is_signature: subscription.isSignature,
    created_at: subscription.createdAt,
  };
}

/** `/subscriptions`: who is told of which events. They are made by their applications, through `POST /api/subscription`. */
export function registerSubscriptionRoutes(
  admin: AdminServer,
  { subscriptions }: { subscriptions: Pick<Subscriptions, 'list' | 'find' | 'remove'> },
): void {
  admin.get('/subscriptions', { schema: { querystring: Filter } }, async ({ query }) => {
    const found = await subscriptions.list({
      ...(query.app_id !== undefined && { appId: query.app_id }),
      ...(query.event_key !== undefined && { eventKey: query.event_key }),
      ...(query.before !== undefined && { before: query.before.toLowerCase() }),
      limit: query.limit ?? PAGE_DEFAULT,
    });
    return { subscriptions: found.map(presentSubscription) };
  });

  const schema = { params: SubscriptionParams };
  admin.get('/subscriptions/:subscriptionId', { schema }, async ({ params }) => {
    const subscriptionId = params.subscriptionId.toLowerCase();
    const subscription = await subscriptions.find(subscriptionId);
    if (subscription === null) throw new DomainError('subscription_not_found', { subscriptionId });
    return presentSubscription(subscription);
  });

  admin.delete('/subscriptions/:subscriptionId', { schema }, async ({ params }) =>
    presentSubscription(await subscriptions.remove(params.subscriptionId.toLowerCase(), OPERATOR)),
  );
}
