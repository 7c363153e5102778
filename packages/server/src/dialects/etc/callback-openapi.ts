import { Type } from 'typebox';
import { CALLBACK_LIMITS } from './callback-request.ts';
import { BATCH_LIMITS } from './callbacks-batch-body.ts';

/** How the callback gateway stands in openapi.json. The bodies themselves are read as source text, not by these. */

const Answer = Type.Object({
  request_id: Type.Optional(Type.String({ description: 'absent where nothing was stored' })),
  code: Type.String({
    description: '000 delivered, 202 being retried, 500500 or 500 failed, 400, 404, 409, 400001, 401002',
  }),
  msg: Type.String(),
});

const Message = {
  callback_url: Type.Optional(
    Type.String({ maxLength: CALLBACK_LIMITS.urlCharactersMax, description: 'wins over callee_no' }),
  ),
  callee_no: Type.Optional(Type.String({ maxLength: CALLBACK_LIMITS.calleeNoCharactersMax })),
  app_id: Type.String(),
  caller_no: Type.Optional(Type.String({ maxLength: CALLBACK_LIMITS.callerNoCharactersMax })),
  message_type: Type.String({ maxLength: CALLBACK_LIMITS.messageTypeCharactersMax, description: 'may be empty' }),
  request_message: Type.Object({}, { additionalProperties: true }),
};

const authorization = Type.Optional(
  Type.String({ description: "Bearer and the application's app_secret, unless its address is allowed" }),
);
const prefer = Type.Optional(
  Type.String({
    description:
      'respond-async: answer 202 right after the durable write. wait=SECONDS, 30 at most: answer when the delivery has ended, or after that time',
  }),
);

export const acceptDocumentation = {
  tags: ['ETC callback gateway'],
  summary: 'Relay a message: durable before the first attempt, which is made inside the request',
  headers: Type.Object({
    authorization,
    'idempotency-key': Type.Optional(Type.String({ maxLength: CALLBACK_LIMITS.idempotencyKeyCharactersMax })),
    prefer,
  }),
  body: Type.Object(Message),
  response: { 200: Answer },
};

export const batchDocumentation = {
  tags: ['ETC callback gateway'],
  summary: 'Relay many messages, a JSON array or NDJSON, each accepted or refused for itself',
  headers: Type.Object({ authorization, prefer }),
  body: Type.Array(
    Type.Object({
      ...Message,
      idempotency_key: Type.Optional(Type.String({ maxLength: CALLBACK_LIMITS.idempotencyKeyCharactersMax })),
    }),
    { maxItems: BATCH_LIMITS.messagesMax },
  ),
  response: {
    200: Type.Object({
      code: Type.String({ description: '000: see results; 400 or 500: nothing was stored' }),
      msg: Type.String(),
      results: Type.Optional(
        Type.Array(
          Type.Object({
            line: Type.Integer({ description: 'line of the body or place in the array, from 1' }),
            request_id: Answer.properties.request_id,
            code: Answer.properties.code,
            msg: Answer.properties.msg,
            retry_after_seconds: Type.Optional(
              Type.Integer({ description: 'with 500: the node is full, this message was not stored' }),
            ),
          }),
          { description: 'in the order of the messages; for NDJSON these alone are the answer, one a line' },
        ),
      ),
    }),
  },
};

export const outcomeDocumentation = {
  tags: ['ETC callback gateway'],
  summary: 'What became of a message',
  querystring: Type.Object({
    request_id: Type.String(),
    wait: Type.Optional(Type.String({ description: 'seconds to wait for a change, 30 at most' })),
  }),
  response: { 200: Answer },
};

export const keysDocumentation = {
  tags: ['ETC callback gateway'],
  summary: 'The public key that verifies the envelopes sent for an application, as a JWKS',
};
