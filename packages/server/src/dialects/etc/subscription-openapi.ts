import { Type } from 'typebox';
import { EVENT_KEY_CHARACTERS_MAX } from '../../subscriptions/index.ts';
import { CALLBACK_LIMITS } from './callback-request.ts';

/** How event subscriptions stand in openapi.json. The bodies themselves are read as source text, not by these. */

const tags = ['ETC event subscriptions'];

const Answer = Type.Object({
  request_id: Type.Optional(Type.String({ description: 'of the subscription or the event; absent on a refusal' })),
  code: Type.String({ description: '000 done, 400, 404, 409, 429, 400001, 401002, 500' }),
  msg: Type.String(),
});
const response = { 200: Answer };

const authorization = Type.Optional(
  Type.String({ description: "Bearer and the application's app_secret, unless its address is allowed" }),
);

const place = {
  callback_url: Type.String({ maxLength: CALLBACK_LIMITS.urlCharactersMax }),
  event_key: Type.String({
    maxLength: EVENT_KEY_CHARACTERS_MAX,
    description: 'one to four whole levels joined by dots; events whose key begins with them',
  }),
  app_id: Type.String(),
};
const EventPart = Type.Union([Type.String(), Type.Number()]);

export const subscriptionDocumentation = {
  tags,
  summary: 'Subscribe a URL to events by the beginning of their key',
  headers: Type.Object({ authorization }),
  body: Type.Object({
    ...place,
    subscriber: Type.Optional(Type.String({ description: 'who subscribes; kept and shown' })),
    is_signature: Type.Optional(
      Type.Boolean({ default: false, description: 'true: in the signed envelope; false: the event as it is' }),
    ),
  }),
  response,
};

export const unsubscribeDocumentation = {
  tags,
  summary: 'End a subscription; what was published before is still delivered',
  headers: Type.Object({ authorization }),
  body: Type.Object(place),
  response,
};

export const publishDocumentation = {
  tags,
  summary: 'Publish an event: one durable delivery for each subscription, all of them or none',
  headers: Type.Object({
    authorization,
    'idempotency-key': Type.Optional(Type.String({ maxLength: CALLBACK_LIMITS.idempotencyKeyCharactersMax })),
  }),
  body: Type.Object({
    app_id: Type.String({ description: 'not part of what subscribers receive' }),
    event_source: EventPart,
    event_topic: EventPart,
    event_type: EventPart,
    event_status: EventPart,
    event_key: Type.Optional(
      Type.String({
        maxLength: EVENT_KEY_CHARACTERS_MAX,
        description: 'default: event_source.event_topic.event_type.event_status',
      }),
    ),
    changes: Type.Array(Type.Unknown()),
  }),
  response,
};
