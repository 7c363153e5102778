import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { request, type Agent, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';

/**
 * Signs requests as a client of the e签宝 API does, from contracts/tsign-auth.md alone: nothing of the service's own code
 * is used, so that a mistake there meets an independent reading here.
 */
export interface TsignCall {
  readonly method: string;
  /** Up to the `?`, as it goes out. */
  readonly path: string;
  /** Decoded; in the order in which they go out. */
  readonly query?: readonly (readonly [string, string])[];
  readonly form?: readonly (readonly [string, string])[];
  readonly body?: string | Buffer;
  readonly accept?: string;
  readonly contentType?: string;
  readonly date?: string;
  /** Further headers that are signed, by the name that the list gives them. */
  readonly signedHeaders?: Readonly<Record<string, string>>;
  readonly national?: boolean;
}

export interface SignedCall {
  readonly method: string;
  /** Path and query as they go out. */
  readonly target: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

export interface TsignAccount {
  readonly appId: string;
  readonly secret: string;
}

export function signCall(account: TsignAccount, call: TsignCall, at: number): SignedCall {
  const { query = [], form = [], national = false, signedHeaders = {} } = call;
  const body =
    call.body === undefined
      ? Buffer.from(form.map(([key, value]) => `${encode(key)}=${encode(value)}`).join('&'))
      : Buffer.from(call.body);
  const accept = call.accept ?? '*/*';
  const contentType =
    call.contentType ??
    (form.length > 0 ? 'application/x-www-form-urlencoded; charset=UTF-8' : 'application/json; charset=UTF-8');
  const digest =
    body.length === 0 || form.length > 0
      ? ''
      : createHash(national ? 'sm3' : 'md5')
          .update(body)
          .digest('base64');

  const parameters = [...query, ...form];
  const pairs = [...new Set(parameters.map(([key]) => key))].sort().map((key) => {
    const value = parameters.find(([other]) => other === key)![1];
    return value === '' ? key : key + '=' + value;
  });
  let signed = call.method + '\n' + accept + '\n' + digest + '\n' + contentType + '\n' + (call.date ?? '') + '\n';
  for (const name of Object.keys(signedHeaders).sort()) signed += name + ':' + signedHeaders[name] + '\n';
  signed += call.path;
  if (pairs.length > 0) signed += '?' + pairs.join('&');

  const headers: Record<string, string> = {
    'X-Tsign-Open-App-Id': account.appId,
    'X-Tsign-Open-Auth-Mode': 'Signature',
    'X-Tsign-Open-Ca-Timestamp': String(at),
    'X-Tsign-Open-Ca-Signature': createHmac(national ? 'sm3' : 'sha256', account.secret)
      .update(signed)
      .digest('base64'),
    Accept: accept,
    'Content-Type': contentType,
    ...signedHeaders,
  };
  if (call.date !== undefined) headers['Date'] = call.date;
  if (Object.keys(signedHeaders).length > 0) {
    headers['X-Tsign-Open-Ca-Signature-Headers'] = Object.keys(signedHeaders).join(',');
  }
  if (national) {
    headers['X-Tsign-Content-Hash'] = digest;
    headers['X-Tsign-Content-Hash-Algorithm'] = 'SM3';
    headers['X-Tsign-Open-Ca-Signature-Algorithm'] = 'HmacSM3';
  } else {
    headers['Content-MD5'] = digest;
  }
  const search = query.map(([key, value]) => `${encode(key)}=${encode(value)}`).join('&');
  return { method: call.method, target: search === '' ? call.path : `${call.path}?${search}`, headers, body };
}

function encode(text: string): string {
  return encodeURIComponent(text);
}

export interface TsignAnswer {
  readonly status: number;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

/** Sends a call over a socket as it is: no header is added or changed but those of HTTP itself. */
export async function send(url: string, call: SignedCall, agent?: Agent): Promise<TsignAnswer> {
  const { hostname, port } = new URL(url);
  const { method, target, body } = call;
  const headers = Object.entries(call.headers).map(([name, value]) => [name, Buffer.from(value).toString('latin1')]);
  const length = body.length > 0 ? { 'Content-Length': String(body.length) } : {};
  const options = { hostname, port, method, path: target, headers: { ...Object.fromEntries(headers), ...length } };
  const sent = request({ ...options, ...(agent !== undefined && { agent }) });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const answer = await text(response);
  const json = answer === '' ? {} : (JSON.parse(answer) as Record<string, unknown>);
  return { status: response.statusCode ?? 0, text: answer, json };
}
