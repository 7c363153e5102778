import { Type } from 'typebox';

/** How the gateway stands in openapi.json: the envelopes of both dialects. The parameters of each api code are read in api/. */

const OlderRequest = Type.Object({
  appId: Type.String({ description: '16 upper-case letters and digits' }),
  nonce: Type.String({ description: '6 letters or digits, new for each request' }),
  timestamp: Type.Union([Type.Integer(), Type.String()], { description: 'epoch ms, 13 digits' }),
  sign: Type.String({
    description: 'Base64 RSA signature over appId, apiCode, nonce, timestamp and the scalars of params',
  }),
  apiCode: Type.String({ maxLength: 64 }),
  params: Type.Optional(Type.Object({}, { additionalProperties: true })),
  signType: Type.Optional(Type.Union([Type.Literal('RSA'), Type.Literal('RSA2')])),
});

const NewerRequest = Type.Object({
  app_id: Type.String({ description: '16 upper-case letters and digits' }),
  nonce: Type.String({ description: '6 letters or digits, new for each request' }),
  timestamp: Type.Union([Type.Integer(), Type.String()], { description: 'epoch ms, 13 digits' }),
  sign: Type.String({
    description: 'Base64 RSA signature over api_code, app_id, nonce, request_content and timestamp',
  }),
  api_code: Type.String({ maxLength: 64 }),
  request_content: Type.Optional(Type.String({ description: 'the parameters: a string that holds a JSON object' })),
  sign_type: Type.Optional(Type.Union([Type.Literal('RSA'), Type.Literal('RSA2')])),
  client_sign: Type.Optional(Type.String({ description: 'not used' })),
});

const Data = Type.Unknown({ description: 'what the api code answers; null unless the code is 000' });
const OlderAnswer = Type.Object({
  requestId: Type.String(),
  responseCode: Type.String(),
  responseMsg: Type.String(),
  data: Data,
});
const NewerAnswer = Type.Object({ request_id: Type.String(), code: Type.String(), msg: Type.String(), data: Data });

export const documentation = {
  tags: ['ETC gateway'],
  summary: 'The merchant gateway, both dialects: `appId` is the older, `app_id` the newer',
  body: Type.Union([OlderRequest, NewerRequest]),
  response: { 200: Type.Union([OlderAnswer, NewerAnswer]) },
};
