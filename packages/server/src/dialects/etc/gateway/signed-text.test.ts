import { createSign, generateKeyPairSync } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { App, SignType } from '../../../apps/index.ts';
import { openBody } from './envelope.ts';
import type { Envelope } from './envelope.ts';
import { effectiveSignType, signatureBytes, signatureHolds } from './signature.ts';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });

const app: App = {
  appId: 'OIG0AF4DMOK2VC2N',
  name: 'test',
  publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  signType: 'RSA2',
  relayPublicKey: '',
  allowIps: [],
  notifyUrl: null,
  grants: ['*'],
  notifyCode: 'sign_process',
  allowWeakKey: true,
  refuseNestedParams: false,
  ratePerSecondMax: 100,
  disabledAt: null,
  createdAt: new Date(0),
};

const older = (more: object = {}): object => ({
  appId: app.appId,
  nonce: '123AO9',
  timestamp: 1_604_990_109_987,
  sign: 'AAAA',
  apiCode: 'test.add',
  ...more,
});
const newer = (more: object = {}): object => ({
  app_id: app.appId,
  nonce: '123AO9',
  timestamp: 1_604_990_109_987,
  sign: 'AAAA',
  api_code: 'test.add',
  ...more,
});
const opened = (body: object | string): Envelope =>
  openBody(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))).read();

/** A client of the contract, written on its own: it signs what it is about to send. */
function clientSign(pairs: readonly [string, string][], digest: 'RSA-SHA1' | 'RSA-SHA256'): string {
  const lines = [...pairs].sort(([a], [b]) => Buffer.from(a).compare(Buffer.from(b)));
  const signer = createSign(digest);
  lines.forEach(([key, value], index) => signer.update(`${index === 0 ? '' : '&'}${key}=${value}`));
  return signer.sign(privateKey, 'base64');
}

describe('signed text', () => {
  test('of the older dialect is the contract’s example', () => {
    expect(opened(older({ params: { name: '测试' } })).signedTexts).toEqual([
      'apiCode=test.add&appId=OIG0AF4DMOK2VC2N&name=测试&nonce=123AO9&timestamp=1604990109987',
    ]);
  });

  test('of the newer dialect is the contract’s example', () => {
    expect(opened(newer({ request_content: '{"name":"测试"}' })).signedTexts).toEqual([
      'api_code=test.add&app_id=OIG0AF4DMOK2VC2N&nonce=123AO9&request_content={"name":"测试"}&timestamp=1604990109987',
    ]);
  });

  test('keeps request_content byte for byte, blanks, escapes and all', () => {
    const content = ' { "a" : "\\u6d4b", "n": 1.10 }\n';
    expect(opened(newer({ request_content: content })).signedTexts[0]).toContain(`&request_content=${content}&`);
  });

  test('leaves absent content out, and an empty one may be left out', () => {
    const bare = 'api_code=test.add&app_id=OIG0AF4DMOK2VC2N&nonce=123AO9&timestamp=1604990109987';
    expect(opened(newer()).signedTexts).toEqual([bare]);
    expect(opened(newer({ request_content: null })).signedTexts).toEqual([bare]);
    expect(opened(newer({ request_content: '' })).signedTexts).toContain(bare);
  });

  test('of the older dialect holds every scalar, as written or as the reference client writes numbers', () => {
    const params = '{"z":true,"b":1.10,"a":9007199254740993,"N":1e2,"o":{"x":1},"l":[1],"e":"","u":null,"c":"a&b=c"}';
    const body = JSON.stringify(older({ params: 0 })).replace('"params":0', `"params":${params}`);
    const head = 'N=1e2&a=9007199254740993&apiCode=test.add&appId=OIG0AF4DMOK2VC2N&b=1.10&c=a&b=c&e=&';
    const tail = 'nonce=123AO9&timestamp=1604990109987&z=true';
    expect(opened(body).signedTexts).toEqual([head + tail, head.replace('1e2', '100').replace('1.10', '1.1') + tail]);
    expect(opened(body).hasUnsignedParams).toBe(true);
  });

  test('sorts keys by their UTF-8 bytes, not by UTF-16 units', () => {
    const text = opened(older({ params: { 𠮷: '2', '\uff5e': '1' } })).signedTexts[0]!;
    expect(text.indexOf('\uff5e=1')).toBeLessThan(text.indexOf('𠮷=2'));
  });

  test('takes the timestamp as a number or as a string', () => {
    expect(opened(older({ timestamp: '1604990109987' })).signedTexts).toEqual(opened(older()).signedTexts);
  });
});

const word = fc.string({ unit: 'binary', maxLength: 20 }).filter((text) => text.isWellFormed());
const scalar = fc.oneof(word, fc.integer(), fc.boolean());
const paramKey = word.filter((key) => !['appId', 'apiCode', 'nonce', 'timestamp', '__proto__'].includes(key));
const signTypes = fc.constantFrom<SignType>('RSA', 'RSA2');
const digestOf = (signType: SignType): 'RSA-SHA1' | 'RSA-SHA256' => (signType === 'RSA' ? 'RSA-SHA1' : 'RSA-SHA256');

async function holds(body: object, sign: string, signType: SignType): Promise<boolean> {
  return signatureHolds(app, signType, opened(body).signedTexts, sign);
}

describe('any request that an independent client signs', () => {
  test('passes in the older dialect, and fails once a signed value changes', async () => {
    const params = fc.dictionary(paramKey, scalar, { minKeys: 1, maxKeys: 6, noNullPrototype: true });
    await fc.assert(
      fc.asyncProperty(params, signTypes, fc.nat(), word, async (given, signType, pick, other) => {
        const pairs = Object.entries(given).map(([key, value]): [string, string] => [key, String(value)]);
        const own: [string, string][] = [
          ['appId', app.appId],
          ['apiCode', 'test.add'],
          ['nonce', '123AO9'],
          ['timestamp', '1604990109987'],
        ];
        const sign = clientSign([...own, ...pairs], digestOf(signType));
        const nested = { ...given, deep: { unsigned: true } };
        expect(await holds(older({ params: nested, sign }), sign, signType)).toBe(true);
        expect(await holds(older({ params: nested, sign }), sign, signType === 'RSA' ? 'RSA2' : 'RSA')).toBe(false);
        const key = Object.keys(given)[pick % Object.keys(given).length]!;
        fc.pre(String(given[key]) !== other);
        expect(await holds(older({ params: { ...given, [key]: other }, sign }), sign, signType)).toBe(false);
        expect(await holds(older({ params: given, nonce: '123AO8' }), sign, signType)).toBe(false);
        expect(await holds(older({ params: given, timestamp: 1_604_990_109_988 }), sign, signType)).toBe(false);
        expect(await holds(older({ params: given, apiCode: 'test.adD' }), sign, signType)).toBe(false);
      }),
      { numRuns: 60 },
    );
  });

  test('passes in the newer dialect, and fails with any byte of it flipped', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.json(),
        signTypes,
        fc.nat(),
        fc.integer({ min: 1, max: 127 }),
        async (json, signType, at, flip) => {
          const content = `{"v":${json}}`;
          const pairs: [string, string][] = [
            ['api_code', 'test.add'],
            ['app_id', app.appId],
            ['nonce', '123AO9'],
            ['timestamp', '1604990109987'],
            ['request_content', content],
          ];
          const sign = clientSign(pairs, digestOf(signType));
          const { signedTexts } = opened(newer({ request_content: content, sign }));
          expect(await signatureHolds(app, signType, signedTexts, sign)).toBe(true);
          const bytes = Buffer.from(signedTexts[0]!, 'latin1');
          const index = at % bytes.length;
          bytes[index] = bytes[index]! ^ flip;
          expect(await signatureHolds(app, signType, [bytes.toString('latin1')], sign)).toBe(false);
          const raw = Buffer.from(sign, 'base64');
          raw[at % raw.length] = raw[at % raw.length]! ^ flip;
          expect(await signatureHolds(app, signType, signedTexts, raw.toString('base64'))).toBe(false);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('a signature', () => {
  test('has one spelling, but for line breaks', () => {
    expect(signatureBytes('AAEC')).toEqual(Buffer.of(0, 1, 2));
    expect(signatureBytes('AA\r\nEC')).toEqual(Buffer.of(0, 1, 2));
    for (const odd of ['', 'AAEC=', 'AA EC', 'AAE', 'AAF=', 'AA-_', 'AAEC!', '====']) {
      expect(signatureBytes(odd), odd).toBeUndefined();
    }
  });

  test('may be stronger than the app’s setting and never weaker', () => {
    const strict = app;
    const lenient: App = { ...app, signType: 'RSA' };
    expect([undefined, 'RSA', 'RSA2'].map((asked) => effectiveSignType(strict, asked as SignType))).toEqual([
      'RSA2',
      undefined,
      'RSA2',
    ]);
    expect([undefined, 'RSA', 'RSA2'].map((asked) => effectiveSignType(lenient, asked as SignType))).toEqual([
      'RSA',
      'RSA',
      'RSA2',
    ]);
  });
});
