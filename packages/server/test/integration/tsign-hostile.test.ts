import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMPANY, startIdentity, type IdentityService } from '../support/identity-service.ts';
import { send, signCall, type SignedCall, type TsignAccount, type TsignCall } from '../support/tsign-client.ts';

const BEGIN = '/v2/identity/auth/api/organization/threeFactors';
const PUB = '/v2/identity/auth/pub/organization';
const COMMON = '/v2/identity/auth/api/common';
const TRANSFER = {
  bank: '平安银行',
  province: '浙江',
  city: '杭州市',
  subbranch: '平安银行杭州高新支行',
  cardNo: '11003491675702',
  cnapsCode: '307331002584',
};

let service: IdentityService;
let owner: TsignAccount;
let stranger: TsignAccount;
beforeAll(async () => {
  service = await startIdentity();
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const account = async (name: string): Promise<TsignAccount> => {
    const input = { name, publicKey: pem, ratePerSecondMax: 100_000, actor: 'operator' };
    const { app, appSecret } = await service.apps.create(input);
    return { appId: app.appId, secret: appSecret };
  };
  [owner, stranger] = await Promise.all([account('甲'), account('乙')]);
});
afterAll(() => service.stop());

const signed = (call: TsignCall, by = owner): SignedCall => signCall(by, call, service.clock.now().getTime());
const beginning = (): SignedCall => signed({ method: 'POST', path: BEGIN, body: JSON.stringify(COMPANY) });

async function begin(by = owner): Promise<string> {
  const answer = await send(service.url, signed({ method: 'POST', path: BEGIN, body: JSON.stringify(COMPANY) }, by));
  return (answer.json['data'] as { flowId: string }).flowId;
}

/** The bytes of a call as they go out. */
function bytesOf({ method, target, headers, body }: SignedCall, more: readonly string[] = []): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const length = body.length > 0 ? [`Content-Length: ${body.length}`] : [];
  const head = [`${method} ${target} HTTP/1.1`, 'Host: x', 'Connection: close', ...lines, ...length, ...more, '', ''];
  return Buffer.concat([Buffer.from(head.join('\r\n')), body]);
}

/** Every whole request is answered, however busy the machine is: who waits for an answer waits long. */
const ANSWER_WAIT_MS = 30_000;
/** Of a request that a change may have left incomplete no answer need come: it is given up, and nothing hangs on when. */
const GIVEN_UP_MS = 1_000;

/** Sends bytes and answers what comes until the service closes, or until it has said nothing for `waitMs`. */
async function sendBytes(bytes: Buffer, waitMs = ANSWER_WAIT_MS): Promise<string> {
  const { hostname, port } = new URL(service.url);
  const socket = connect({ host: hostname, port: Number(port) });
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  socket.on('error', () => undefined);
  socket.setTimeout(waitMs, () => socket.destroy());
  socket.write(bytes);
  await once(socket, 'close');
  return answer;
}

const flowsOf = async (appId: string): Promise<Record<string, unknown>[]> =>
  (
    await sql<Record<string, unknown>>`
      select company_name, org_code, legal_rep_name from verification_flow where app_id = ${appId}
    `.execute(service.database.db)
  ).rows;

test('a thousand requests with one change each: whatever is let in says what was signed', async () => {
  const whole = bytesOf(beginning());
  // A generator of its own: a failure can be seen again.
  let seed = 20_261_121;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  const changes: ((at: number) => Buffer)[] = [
    (at) => Buffer.concat([whole.subarray(0, at), whole.subarray(at + 1)]),
    (at) => Buffer.concat([whole.subarray(0, at), Buffer.from([random(256)]), whole.subarray(at)]),
    (at) => Buffer.from(whole.map((byte, n) => (n === at ? byte ^ (1 << random(8)) : byte))),
    (at) => Buffer.concat([whole.subarray(0, at), whole.subarray(at, at + 20), whole.subarray(at)]),
  ];
  const before = (await flowsOf(owner.appId)).length;
  for (let batch = 0; batch < 4; batch += 1) {
    const answers = await Promise.all(
      Array.from({ length: 250 }, (_, n) => sendBytes(changes[n % changes.length]!(random(whole.length)), GIVEN_UP_MS)),
    );
    for (const answer of answers) expect(answer).not.toMatch(/30500000|stack|node_modules|\.ts/);
  }
  const flows = (await flowsOf(owner.appId)).slice(before);
  const said = { company_name: COMPANY.name, org_code: COMPANY.orgCode, legal_rep_name: COMPANY.legalRepName };
  expect(new Set(flows.map((flow) => JSON.stringify(flow)))).toEqual(new Set([JSON.stringify(said)]));
  // What is let in changed a header that nobody signs (Host, Connection, their names' letters), or the timestamp.
  expect(flows.length).toBeLessThan(200);
}, 60_000);

describe('headers sent twice', () => {
  test.each([
    ['X-Tsign-Open-App-Id', '无效的应用'],
    ['X-Tsign-Open-Auth-Mode', 'AUTHSTRATEGY_NOT_FOUND'],
    ['X-Tsign-Open-Ca-Timestamp', 'INVALID_TIMESTAMP'],
    ['X-Tsign-Open-Ca-Signature', 'INVALID_SIGNATURE'],
    ['Accept', 'INVALID_SIGNATURE'],
    ['Content-MD5', 'INVALID_SIGNATURE'],
    ['X-Tsign-Open-Ca-Signature-Algorithm', 'INVALID_SIGNATURE'],
  ])('%s: %s, with the right value first or last', async (name, message) => {
    const call = beginning();
    const right = call.headers[name] ?? 'HmacSHA256';
    for (const pair of [
      [right, 'other'],
      ['other', right],
      [right, right],
    ]) {
      const { [name]: _, ...headers } = call.headers;
      const answer = await sendBytes(
        bytesOf(
          { ...call, headers },
          pair.map((value) => `${name}: ${value}`),
        ),
      );
      expect(answer).toMatch(/^HTTP\/1\.1 401 /);
      expect(answer).toContain(`"message":"${message}"`);
    }
  });

  test('a second content type says nothing: the first is signed and counts', async () => {
    const call = beginning();
    const form = 'Content-Type: application/x-www-form-urlencoded';
    expect(await sendBytes(bytesOf(call, [form]))).toContain('"code":0');
    const { 'Content-Type': type, ...headers } = call.headers;
    const answer = await sendBytes(bytesOf({ ...call, headers }, [form, `Content-Type: ${type}`]));
    expect(answer).toContain('"message":"INVALID_SIGNATURE"');
  });

  test('two lengths of the body, or a length beside chunks, are no request at all', async () => {
    const call = beginning();
    for (const more of [['Content-Length: 3'], ['Transfer-Encoding: chunked']]) {
      expect(await sendBytes(bytesOf(call, more))).toMatch(/^HTTP\/1\.1 400 /);
    }
  });
});

test('headers of 15 KiB are read, larger ones are 431, and the service goes on', async () => {
  const call = beginning();
  expect(await sendBytes(bytesOf(call, [`X-A: ${'a'.repeat(13_000)}`]))).toContain('"code":0');
  expect(await sendBytes(bytesOf(call, [`X-A: ${'a'.repeat(20_000)}`]))).toMatch(/^HTTP\/1\.1 431 /);
  expect(await sendBytes(bytesOf(call))).toContain('"code":0');
});

describe('where the signature was made for', () => {
  test('another method, path, spelling of the path, query or application: not there', async () => {
    const flowId = await begin();
    const path = `${PUB}/${flowId}/query/reversePaymentProcess`;
    const call = signed({ method: 'GET', path });
    expect((await send(service.url, call)).json['code']).toBe(0);
    for (const changed of [
      { ...call, method: 'POST' },
      { ...call, target: `${path}?a=1` },
      { ...call, target: path.replace('query', '%71uery') },
      { ...call, target: path.replace('query', 'Query') },
      { ...call, target: `${path}/` },
      { ...call, target: path.replace('/query', '//query') },
      { ...call, target: path.replace('/query', '/./query') },
      { ...call, target: `${PUB}/${flowId}/transferProcess` },
      { ...call, headers: { ...call.headers, 'X-Tsign-Open-App-Id': stranger.appId } },
    ]) {
      const answer = await send(service.url, changed);
      expect([changed.target, answer.text]).toEqual([
        changed.target,
        '{"success":false,"code":401,"message":"INVALID_SIGNATURE"}',
      ]);
    }
  });

  test('a spelling that is signed as it is sent reaches what it says, and nothing else', async () => {
    const flowId = await begin();
    const path = `${PUB}/${flowId}/query/reversePaymentProcess`;
    const ask = async (spelling: string) => (await send(service.url, signed({ method: 'GET', path: spelling }))).json;
    expect(await ask(path.replace('query', '%71uery'))).toMatchObject({ code: 0 });
    for (const other of [`${path}/`, path.replace('/query', '//query'), path.replace('query', 'QUERY')]) {
      expect(await ask(other)).toMatchObject({ code: 404, data: null });
    }
    expect(await ask(path.replace(flowId, `${flowId}%2F..`))).toMatchObject({ code: 30500004 });
    expect(await ask(path.replace(flowId, `${flowId}%00`))).toMatchObject({ code: 30500101 });
    expect(await ask(path.replace(flowId, `%20${flowId}`))).toMatchObject({ code: 30500004 });
  });

  test.each(['get', 'Get', 'QUERY', 'TRACE', 'CONNECT', 'PROPFIND'])('the method %s lets nobody in', async (method) => {
    const call = signed({ method: 'GET', path: `${COMMON}/1/detail` });
    const answer = await sendBytes(bytesOf({ ...call, method }));
    expect(answer).not.toContain('"code":0');
    expect(answer).toMatch(/^$|^HTTP\/1\.1 (400|401|404|405) /);
  });

  test('the whole address in the request line (RFC 9112, 3.2.2) is no way around', async () => {
    const call = signed({ method: 'GET', path: `${COMMON}/1/detail` });
    const answer = await sendBytes(bytesOf({ ...call, target: `http://x${call.target}` }));
    expect(answer).not.toContain('"code":0');
  });
});

describe('another application’s flow', () => {
  test('exists for nobody else, on any route', async () => {
    const flowId = await begin();
    await send(service.url, signed({ method: 'POST', path: `${PUB}/${flowId}/reversePayment`, body: '{}' }));
    const routes: [string, string, unknown?][] = [
      ['POST', `${PUB}/${flowId}/reversePayment`, {}],
      ['GET', `${PUB}/${flowId}/query/reversePaymentProcess`],
      ['GET', `${PUB}/${flowId}/template/download`],
      ['PUT', `${PUB}/${flowId}/transferRandomAmount`, TRANSFER],
      ['PUT', `${PUB}/${flowId}/verifyRandomAmount`, { amount: 0.1 }],
      ['GET', `${PUB}/${flowId}/transferProcess`],
      ['GET', `${PUB}/${flowId}/subbranch`],
      ['GET', `${COMMON}/${flowId}/detail`],
      ['GET', `${COMMON}/${flowId}/outline`],
    ];
    const before = await service.identity.show({ flowId });
    for (const [method, path, body] of routes) {
      const call = { method, path, ...(path.endsWith('subbranch') && { query: [['keyWord', '银行'] as const] }) };
      const answers = [];
      for (const id of [flowId, '1', '999999999999999999999999']) {
        const asked = {
          ...call,
          path: path.replace(flowId, id),
          ...(body !== undefined && { body: JSON.stringify(body) }),
        };
        answers.push((await send(service.url, signed(asked, stranger))).text);
      }
      // As one that never was: nobody learns which ids exist.
      expect([path, ...new Set(answers)]).toEqual([
        path,
        '{"code":30500004,"message":"认证流程不存在，请核实当前流程id是否正确","data":null}',
      ]);
    }
    expect(await service.identity.show({ flowId })).toEqual(before);
  });

  test('nor its companies, members and letters', async () => {
    const theirs = await service.company();
    const path = `/v2/identity/auth/api/organization/${theirs.etcOrgNo}/threeFactors`;
    const body = JSON.stringify({ agentAccountId: theirs.etcMemberNo });
    const account = await send(service.url, signed({ method: 'POST', path, body }, stranger));
    expect(account.json).toMatchObject({ code: 30500156, data: null });

    const { fileId } = await service.documents.storeFile({
      appId: owner.appId,
      fileName: 'letter.pdf',
      bytes: Buffer.from('%PDF-1.7'),
    });
    const flowId = await begin(stranger);
    const order = { method: 'POST', path: `${PUB}/${flowId}/reversePayment` };
    const letter = { ...order, body: JSON.stringify({ authLetterFileId: fileId }) };
    expect((await send(service.url, signed(letter, stranger))).json).toMatchObject({ code: 30500101, data: null });
    expect(await service.identity.show({ flowId })).toMatchObject({ letterStatus: null, subAccount: null });
  });
});
