import { createHash, createSecretKey } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signCall, type SignedCall, type TsignCall } from '../../../test/support/tsign-client.ts';
import {
  checkContent,
  headerText,
  parseParameters,
  signatureHolds,
  stringToSign,
  type SignedRequest,
} from './signature.ts';

const SECRET = 'dummysecret';
const key = createSecretKey(SECRET, 'utf8');
const account = { appId: 'OIG0AF4DMOK2VC2N', secret: SECRET };
const AT = 1_729_489_875_363;
const QUERY_PATH = '/v2/identity/auth/pub/organization/1/query/reversePaymentProcess';
const JSON_TYPE = 'application/json; charset=UTF-8';

/** A signed call as the service reads it off the wire. */
function received({ method, target, headers, body }: SignedCall, isForm = false): SignedRequest {
  const [path = '', query = ''] = target.split('?');
  const form = isForm ? parseParameters(body.toString()) : [];
  // HTTP hands out a header byte by byte.
  const texts = Object.entries(headers).map(([name, value]) => [
    name.toLowerCase(),
    headerText(Buffer.from(value).toString('latin1')),
  ]);
  return { method, path, parameters: [...parseParameters(query), ...form], headers: Object.fromEntries(texts) };
}

function holds(call: SignedCall, isForm = false): boolean {
  const request = received(call, isForm);
  return (
    (call.body.length === 0 || isForm || checkContent(request, call.body) === 'right') && signatureHolds(request, key)
  );
}

describe('vectors of the contract', () => {
  it('a query without a body', () => {
    const request: SignedRequest = {
      method: 'GET',
      path: QUERY_PATH,
      parameters: [],
      headers: {
        accept: '*/*',
        'content-type': JSON_TYPE,
        'x-tsign-open-ca-signature': 'czdtQbZXPzxbgIQ8xQXnHjavt0yR/CCHvV9MkGMj5rs=',
      },
    };
    expect(stringToSign(request)).toBe(`GET\n*/*\n\n${JSON_TYPE}\n\n${QUERY_PATH}`);
    expect(signatureHolds(request, key)).toBe(true);
  });

  it.each([
    ['', '1B2M2Y8AsgTpgAmY7PhCfg=='],
    ['{}', 'mZFLkyvTelC5g8XnyQrpOw=='],
  ])('MD5 of %j', (body, md5) => {
    const request = { method: 'POST', path: '/', parameters: [], headers: { 'content-md5': md5 } };
    expect(checkContent(request, Buffer.from(body))).toBe('right');
    expect(checkContent(request, Buffer.from(`${body} `))).toBe('wrong');
  });

  it('SM3 of abc (GB/T 32905, A.1) stands in X-Tsign-Content-Hash', () => {
    const sm3 = Buffer.from('66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0', 'hex');
    const headers = {
      'x-tsign-content-hash': sm3.toString('base64'),
      'x-tsign-content-hash-algorithm': 'SM3',
      'x-tsign-open-ca-signature-algorithm': 'HmacSM3',
      'content-md5': 'not looked at',
    };
    const request = { method: 'POST', path: '/', parameters: [], headers };
    expect(checkContent(request, Buffer.from('abc'))).toBe('right');
    expect(checkContent(request, Buffer.from('abd'))).toBe('wrong');
    expect(stringToSign(request)).toBe(`POST\n\n${sm3.toString('base64')}\n\n\n/`);
  });
});

describe('the string to sign', () => {
  const request = { method: 'GET', path: '/v1/a', parameters: [], headers: {} };
  const lastLine = (query: string): string =>
    stringToSign({ ...request, parameters: parseParameters(query) })!
      .split('\n')
      .at(-1)!;

  it.each([
    ['b=2&a=1', 'keys in ASCII order', '/v1/a?a=1&b=2'],
    ['a=1&B=2&_=3', 'capitals before small letters', '/v1/a?B=2&_=3&a=1'],
    ['a=&b=1', 'an empty value is its key alone', '/v1/a?a&b=1'],
    ['a', 'no value is an empty one', '/v1/a?a'],
    ['a=2&a=1', 'the first value of a repeated key', '/v1/a?a=2'],
    ['a=%E4%B8%AD%20x%2By', 'values are not encoded', '/v1/a?a=中 x+y'],
    ['a=x+y', 'a plus sign is a space', '/v1/a?a=x y'],
    ['?a=1', 'a question mark may begin a key', '/v1/a??a=1'],
    ['', 'no parameters', '/v1/a'],
  ])('%s: %s', (query, _why, expected) => {
    expect(lastLine(query)).toBe(expected);
  });

  it('headers that are listed stand in ASCII order, in the spelling of the list; some never do', () => {
    const headers = {
      'x-tsign-open-ca-signature-headers': ' x-b , X-Tsign-Open-App-Id,Accept,content-md5,X-Absent,Date,x-b',
      'x-b': 'two',
      'x-tsign-open-app-id': '1',
      accept: '*/*',
      date: 'today',
    };
    expect(stringToSign({ ...request, headers })).toBe(
      'GET\n*/*\n\n\ntoday\nX-Absent:\nX-Tsign-Open-App-Id:1\nx-b:two\n/v1/a',
    );
  });

  it.each([['/v1/a?x=y'], ['a b'], ['a:b'], ['é']])('a listed name %j that is no header name is nobody’s', (name) => {
    const headers = { 'x-tsign-open-ca-signature-headers': name };
    expect(stringToSign({ ...request, headers })).toBeUndefined();
    expect(signatureHolds({ ...request, headers }, key)).toBe(false);
  });

  it.each([
    [{ 'x-tsign-open-ca-signature-algorithm': 'HmacMD5' }],
    [{ 'x-tsign-open-ca-signature-algorithm': 'HmacSM3', 'x-tsign-content-hash-algorithm': 'SHA256' }],
  ])('another algorithm %j is nobody’s', (headers) => {
    expect(stringToSign({ ...request, headers })).toBeUndefined();
    expect(checkContent({ ...request, headers }, Buffer.from('{}'))).toBe('wrong');
  });
});

const word = fc.string({ unit: 'grapheme', maxLength: 12 });
const token = fc.stringMatching(/^[A-Za-z0-9-]{1,12}$/);
const headerValue = fc.oneof(
  fc.stringMatching(/^[!-~]([ -~]{0,18}[!-~])?$/),
  fc
    .string({ unit: 'grapheme-composite', maxLength: 12 })
    .map((text) => text.replaceAll(/[^ -~\u4e00-\uffff]/g, '').trim()),
);
const pairs = fc.array(
  fc.tuple(
    word.filter((name) => name !== ''),
    word,
  ),
  { maxLength: 6 },
);
const calls: fc.Arbitrary<TsignCall & { isForm: boolean }> = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'),
    path: fc.array(token, { minLength: 1, maxLength: 5 }).map((parts) => `/v2/${parts.join('/')}`),
    query: pairs,
    content: fc.oneof(
      fc.record({ form: fc.array(fc.tuple(token, word), { minLength: 1, maxLength: 6 }) }),
      fc.record({ body: fc.json() }),
      fc.constant({}),
    ),
    accept: headerValue,
    date: fc.option(headerValue, { nil: undefined }),
    names: fc.uniqueArray(token, { maxLength: 4, selector: (name) => name.toLowerCase() }),
    value: headerValue,
    national: fc.boolean(),
  })
  .map(({ content, names, value, date, ...call }) => {
    const signedHeaders = Object.fromEntries(names.map((name) => [`X-H-${name}`, value + name]));
    return Object.assign(call, content, date === undefined ? {} : { date }, {
      signedHeaders,
      isForm: 'form' in content,
    });
  });

describe('requests that a client signs', () => {
  it('hold, whatever they carry', () => {
    fc.assert(fc.property(calls, ({ isForm, ...call }) => holds(signCall(account, call, AT), isForm)));
  });

  it('do not under another secret', () => {
    fc.assert(
      fc.property(calls, fc.string(), ({ isForm, ...call }, other) => {
        fc.pre(other !== SECRET);
        return !holds(signCall({ ...account, secret: other }, call, AT), isForm);
      }),
    );
  });

  it('do not when a byte of what is signed is another', () => {
    fc.assert(
      fc.property(calls, fc.nat(), fc.integer({ min: 1, max: 255 }), ({ isForm, ...call }, place, flip) => {
        const signed = signCall(account, call, AT);
        const request = received(signed, isForm);
        const altered = alter(request, signed.body, isForm, place, flip);
        return !(
          (signed.body.length === 0 || isForm || checkContent(altered.request, altered.body) === 'right') &&
          signatureHolds(altered.request, key)
        );
      }),
      { numRuns: 1_000 },
    );
  });
});

/** Changes one character of one signed part; which one, `place` says. */
function alter(request: SignedRequest, body: Buffer, isForm: boolean, place: number, flip: number) {
  const flipped = (text: string): string => {
    if (text === '') return '~';
    const at = place % text.length;
    return text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ flip) + text.slice(at + 1);
  };
  const header = (name: string) => ({
    request: { ...request, headers: { ...request.headers, [name]: flipped(request.headers[name] ?? '') } },
    body,
  });
  const digestHeader = request.headers['x-tsign-open-ca-signature-algorithm'] ? 'x-tsign-content-hash' : 'content-md5';
  const listed = Object.keys(request.headers).filter((name) => name.startsWith('x-h-'));
  const parts = [
    () => ({ request: { ...request, method: flipped(request.method) }, body }),
    () => ({ request: { ...request, path: flipped(request.path) }, body }),
    () => header('accept'),
    () => header('content-type'),
    () => header('date'),
    () => header(digestHeader),
    () => header('x-tsign-open-ca-signature'),
    ...listed.map((name) => () => header(name)),
    ...request.parameters
      // Only the first value of a repeated key is signed, and only it is handed on.
      .filter(([name], index) => request.parameters.findIndex(([other]) => other === name) === index)
      .map(([name, value]) => () => ({
        request: {
          ...request,
          parameters: request.parameters.map((pair) =>
            pair[0] === name && pair[1] === value ? ([name, flipped(value)] as const) : pair,
          ),
        },
        body,
      })),
    ...(body.length > 0 && !isForm
      ? [
          () => {
            const bytes = Buffer.from(body);
            bytes[place % bytes.length]! ^= flip;
            return { request, body: bytes };
          },
        ]
      : []),
  ];
  return parts[(place + flip) % parts.length]!();
}

it('a body without its digest is told from one with another', () => {
  const request = { method: 'POST', path: '/', parameters: [], headers: {} };
  expect(checkContent(request, Buffer.from('{}'))).toBe('missing');
  const headers = { 'content-md5': createHash('md5').update('{}').digest('hex') };
  expect(checkContent({ ...request, headers }, Buffer.from('{}'))).toBe('wrong');
});
