import { Type, type Static } from 'typebox';
import { DELIVERY_STATES, type DeliveryFilter } from '../../relay/index.ts';

/** The parts of a filter that lists and replays have in common. */
export const CALLBACK_FILTER_FIELDS = {
  app_id: Type.Optional(Type.String({ maxLength: 16 })),
  callee_no: Type.Optional(Type.String({ maxLength: 64 })),
  message_type: Type.Optional(Type.String({ maxLength: 128 })),
  from: Type.Optional(Type.String({ format: 'date-time', description: 'accepted then or later' })),
  to: Type.Optional(Type.String({ format: 'date-time', description: 'accepted before then' })),
  text: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 256,
      description: "stands in the message's source text, byte for byte; needs app_id or from",
    }),
  ),
};

/** Of replays. */
export const SUPERSEDED = Type.Boolean({
  description: 'those too of which a later message of their ordering key says what counts, unless it is under way',
});

const PAGE_DEFAULT = 50;
const PAGE_MAX = 500;

export const CallbackFilter = Type.Object(
  {
    ...CALLBACK_FILTER_FIELDS,
    state: Type.Optional(Type.Union(DELIVERY_STATES.map((state) => Type.Literal(state)))),
    ordering_key: Type.Optional(Type.String({ maxLength: 256, description: 'of those under way' })),
    before: Type.Optional(Type.String({ format: 'uuid' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: PAGE_MAX })),
  },
  { additionalProperties: false },
);

const Shared = Type.Object(CALLBACK_FILTER_FIELDS);

/** The shared parts as the relay has them. */
export function readSharedFilter(query: Static<typeof Shared>): Omit<DeliveryFilter, 'limit' | 'state'> {
  return {
    ...(query.app_id !== undefined && { appId: query.app_id }),
    ...(query.callee_no !== undefined && { calleeNo: query.callee_no }),
    ...(query.message_type !== undefined && { messageType: query.message_type }),
    ...(query.from !== undefined && { from: instantOf(query.from) }),
    ...(query.to !== undefined && { to: instantOf(query.to) }),
    ...(query.text !== undefined && { text: query.text }),
  };
}

/** A leap second, which RFC 3339 knows and Date does not, is the second before it. */
function instantOf(text: string): Date {
  return new Date(text.replace(/:60(?=[.Z+-]|$)/i, ':59'));
}

export function readCallbackFilter(query: Static<typeof CallbackFilter>): DeliveryFilter {
  return {
    ...readSharedFilter(query),
    ...(query.state !== undefined && { state: query.state }),
    ...(query.ordering_key !== undefined && { orderingKey: query.ordering_key }),
    ...(query.before !== undefined && { before: query.before.toLowerCase() }),
    limit: query.limit ?? PAGE_DEFAULT,
  };
}
