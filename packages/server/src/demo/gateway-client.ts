import { createSign, randomInt } from 'node:crypto';

/** What the gateway answers in the newer dialect. */
export interface GatewayAnswer {
  request_id: string;
  code: string;
  msg: string;
  data: unknown;
}

/** The same in the older dialect, which seed 002 speaks. */
export interface OlderGatewayAnswer {
  requestId: string;
  responseCode: string;
  responseMsg: string;
  data: unknown;
}

export interface GatewayClient {
  /** `POST /api/gateway` in the newer dialect: `request_content` is a string that holds JSON. */
  call(apiCode: string, params: Record<string, unknown>): Promise<GatewayAnswer>;
  /** The same in the older dialect: `params` is an object whose scalars are signed. */
  callOlder(apiCode: string, params: Record<string, string | number | boolean>): Promise<OlderGatewayAnswer>;
}

const NONCE_ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';

function nonce(): string {
  return Array.from({ length: 6 }, () => NONCE_ALPHABET[randomInt(NONCE_ALPHABET.length)]).join('');
}

/** A partner's client of the gateway, written from the contract alone: fetch, and an RSA key (SHA256withRSA). */
export function createGatewayClient(serviceUrl: string, appId: string, privateKeyPem: string): GatewayClient {
  const post = async (signed: Record<string, string>, body: Record<string, unknown>): Promise<unknown> => {
    const text = Object.entries(signed)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => `${key}=${value}`)
      .join('&');
    const sign = createSign('RSA-SHA256').update(text, 'utf8').sign(privateKeyPem, 'base64');
    const answer = await fetch(`${serviceUrl}/api/gateway`, {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: JSON.stringify({ ...body, sign }),
    });
    return answer.json();
  };
  return {
    async call(apiCode, params) {
      const head = { app_id: appId, nonce: nonce(), timestamp: String(Date.now()), api_code: apiCode };
      const signed = { ...head, request_content: JSON.stringify(params) };
      return (await post(signed, signed)) as GatewayAnswer;
    },
    async callOlder(apiCode, params) {
      const head = { appId, nonce: nonce(), timestamp: String(Date.now()), apiCode };
      const scalars = Object.fromEntries(Object.entries(params).map(([key, value]) => [key, String(value)]));
      return (await post({ ...head, ...scalars }, { ...head, params })) as OlderGatewayAnswer;
    },
  };
}
