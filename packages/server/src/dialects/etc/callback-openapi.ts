import { Type } from 'typebox';
import { CALLBACK_LIMITS } from './callback-request.ts';

/** How the callback gateway stands in openapi.json. The bodies themselves are read as source text, not by these. */

const Answer = Type.Object({
  request_id: Type.Optional(Type.String({ description: 'absent where nothing was stored' })),
  code: Type.String({
    description: '000 delivered, 202 being retried, 500500 or 500 failed, 400, 404, 409, 400001, 401002',
  }),
  msg: Type.String(),
});

export const acceptDocumentation = {
  tags: ['ETC callback gateway'],
  summary: 'Relay a message: durable before the first attempt, which is made inside the request',
  headers: Type.Object({
    authorization: Type.Optional(
      Type.String({ description: "Bearer and the application's app_secret, unless its address is allowed" }),
    ),
    'idempotency-key': Type.Optional(Type.String({ maxLength: CALLBACK_LIMITS.idempotencyKeyCharactersMax })),
    prefer: Type.Optional(Type.String({ description: 'respond-async: answer 202 right after the durable write' })),
  }),
  body: Type.Object({
    callback_url: Type.Optional(
      Type.String({ maxLength: CALLBACK_LIMITS.urlCharactersMax, description: 'wins over callee_no' }),
    ),
    callee_no: Type.Optional(Type.String({ maxLength: CALLBACK_LIMITS.calleeNoCharactersMax })),
    app_id: Type.String(),
    caller_no: Type.Optional(Type.String({ maxLength: CALLBACK_LIMITS.callerNoCharactersMax })),
    message_type: Type.String({ maxLength: CALLBACK_LIMITS.messageTypeCharactersMax, description: 'may be empty' }),
    request_message: Type.Object({}, { additionalProperties: true }),
  }),
  response: { 200: Answer },
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
