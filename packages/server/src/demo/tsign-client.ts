import { createHmac } from 'node:crypto';

/** What the e签宝-style API answers. */
export interface TsignAnswer {
  code: number;
  message: string;
  data: Record<string, unknown>;
}

const ACCEPT = '*/*';
const CONTENT_TYPE = 'application/json; charset=UTF-8';

/** A signed GET of the e签宝-style API, written from its contract alone: HMAC-SHA256 over method, headers and path. */
export async function tsignGet(
  serviceUrl: string,
  app: { appId: string; appSecret: string },
  path: string,
): Promise<TsignAnswer> {
  const signed = ['GET', ACCEPT, '', CONTENT_TYPE, '', path].join('\n');
  const answer = await fetch(`${serviceUrl}${path}`, {
    headers: {
      accept: ACCEPT,
      'content-type': CONTENT_TYPE,
      'x-tsign-open-app-id': app.appId,
      'x-tsign-open-auth-mode': 'Signature',
      'x-tsign-open-ca-timestamp': String(Date.now()),
      'x-tsign-open-ca-signature': createHmac('sha256', app.appSecret).update(signed).digest('base64'),
    },
  });
  return (await answer.json()) as TsignAnswer;
}
