import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { listAudit } from '../../src/audit/index.ts';
import { DomainError } from '../../src/platform/errors.ts';
import type { SigningCommands } from '../../src/dialects/etc/gateway/api.ts';
import type { RevokeFlow } from '../../src/signing/index.ts';
import { callNewer, callOlder, newerBody, olderBody, send, signPairs } from '../support/gateway-client.ts';
import { absentSigning, startGateway } from '../support/gateway-service.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const revoked: RevokeFlow[] = [];
let signingFails: Error | undefined;

/** Signing as these tests need it: it remembers what it was told and fails as it is told. */
const signing: SigningCommands = {
  ...absentSigning,
  createFlow: async () => ({ flowRequestId: 'r'.repeat(20) }),
  flow: async () => {
    throw new DomainError('flow_not_found');
  },
  documents: async () => [
    { fileId: 'f', fileName: 'a.pdf', fileUrl: 'https://files.example.com/f', signatureLevel: null },
  ],
  revokeFlow: async (command) => {
    if (signingFails) throw signingFails;
    revoked.push(command);
  },
};

const gateway = await startGateway(signing);
const { client, app } = await gateway.partner();
afterAll(() => gateway.stop());
beforeEach(() => {
  signingFails = undefined;
  revoked.length = 0;
});

/** Seed 002, 业务参数请求样例. */
const SEED_002 = {
  flowId: 'c64665aa4f1c45679e65b6fae33cd773',
  etc_member_no: '40eb61714d9e49088bac7a3c56d69d66',
  revokeReason: '合同有误',
};

describe('seed 002', () => {
  test('its sample goes in and its sample comes out, key for key in its order', async () => {
    const text = await send(client, olderBody(client, 'esign.signflows.revoke', SEED_002));
    const { requestId } = JSON.parse(text) as { requestId: string };
    expect(requestId).toMatch(UUID);
    expect(text).toBe(
      JSON.stringify({ requestId, responseCode: '000', responseMsg: '成功', data: { revokeResult: true } }),
    );
    expect(revoked).toEqual([
      { appId: app.appId, flowId: SEED_002.flowId, etcMemberNo: SEED_002.etc_member_no, reason: '合同有误' },
    ]);
  });

  test('the newer dialect takes the same and answers in its own words', async () => {
    const text = await send(client, newerBody(client, 'esign.signflows.revoke', SEED_002));
    const { request_id: requestId } = JSON.parse(text) as { request_id: string };
    expect(text).toBe(
      JSON.stringify({ request_id: requestId, code: '000', msg: '成功', data: { revokeResult: true } }),
    );
    expect(revoked).toHaveLength(1);
  });

  test('the reason may be left out, null or blank', async () => {
    for (const revokeReason of [undefined, null, ' ']) {
      const answer = await callNewer(client, 'esign.signflows.revoke', { ...SEED_002, revokeReason });
      expect(answer.code).toBe('000');
    }
    expect(revoked.map((command) => 'reason' in command)).toEqual([false, false, false]);
  });

  test.each([
    ['flow_not_found', '1435011', '流程不存在'],
    ['flow_not_signing', '1437111', '不在签署中'],
    ['flow_already_revoked', '1437168', '已撤销'],
    ['not_initiator', '1437148', '不是流程的发起人'],
    ['reason_too_long', '1438108', '不要超过64个字符'],
  ])('%s is answered %s', async (code, answered, words) => {
    signingFails = new DomainError(code, { limit: '64' });
    const answer = await callOlder(client, 'esign.signflows.revoke', SEED_002);
    expect(answer).toMatchObject({ responseCode: answered, data: null });
    expect(answer.responseMsg).toContain(words);
  });

  test('a fault of ours is 500 and its cause stands in the log alone', async () => {
    signingFails = new Error('connection to 10.1.2.3 lost');
    const answer = await callOlder(client, 'esign.signflows.revoke', SEED_002);
    expect(answer).toEqual({ requestId: answer.requestId, responseCode: '500', responseMsg: '系统异常', data: null });
    expect(gateway.log.at(-1)).toContain('10.1.2.3');
    expect(gateway.log.at(-1)).toContain(answer.requestId);
  });
});

describe('the checks, in the contract’s order', () => {
  const query = ['esign.signflows.query', { flowId: 'x' }] as const;

  test('form comes before the app', async () => {
    const answer = await callOlder({ ...client, appId: 'AAAAAAAAAAAAAAAA' }, ...query, { nonce: '' });
    expect(answer).toMatchObject({ responseCode: '400', responseMsg: '参数nonce不能为空' });
  });

  test('an app nobody knows', async () => {
    for (const appId of ['AAAAAAAAAAAAAAAA', 'x', `${app.appId} `, "' or 1=1 --", 'a\u0000b', '长'.repeat(100_000)]) {
      expect(await callOlder({ ...client, appId }, ...query)).toMatchObject({
        responseCode: '400001',
        responseMsg: 'appId不正确',
      });
    }
  });

  test('a disabled app, and one that is enabled again', async () => {
    const other = await gateway.partner();
    await gateway.apps.disable(other.app.appId, 'operator');
    expect(await callNewer(other.client, ...query)).toMatchObject({ code: '400002', msg: '接口已停用' });
    await gateway.apps.enable(other.app.appId, 'operator');
    expect(await callNewer(other.client, ...query)).toMatchObject({ code: '1435011' });
  });

  test('an address that is not on the list, before the time is looked at', async () => {
    const elsewhere = await gateway.partner({ allowIps: ['10.0.0.0/8'] });
    const late = { ...elsewhere.client, now: () => 1_604_990_109_987 };
    expect(await callOlder(late, ...query)).toMatchObject({
      responseCode: '401002',
      responseMsg: '无权限访问当前接口',
    });
    const here = await gateway.partner({ allowIps: ['10.0.0.0/8', '127.0.0.1'] });
    expect(await callOlder(here.client, ...query)).toMatchObject({ responseCode: '1435011' });
  });

  test('the time: 30 s old and 5 s ahead are taken, a millisecond more is not', async () => {
    const at = (shiftMs: number) => ({ ...client, now: () => gateway.time.now.getTime() + shiftMs });
    const codes = await Promise.all([-30_001, -30_000, 5_000, 5_001].map((ms) => callOlder(at(ms), ...query)));
    expect(codes.map((answer) => answer.responseCode)).toEqual(['403001', '1435011', '1435011', '403001']);
    expect(codes[0]?.responseMsg).toBe('请求时间非法或已过期');
    const forged = await callOlder(at(-30_001), ...query, { sign: 'AAAA' });
    expect(forged.responseCode).toBe('403001');
  });

  test('the signature, before anything is said of the api code', async () => {
    const wrong = { responseCode: '401001', responseMsg: '验证签名失败' };
    expect(await callOlder(client, 'no.such.api', {}, { sign: 'AAAA' })).toMatchObject(wrong);
    expect(await callOlder(client, ...query, { params: { flowId: 'y' } })).toMatchObject(wrong);
    expect(await callOlder(client, ...query, { apiCode: 'esign.signflows.revoke' })).toMatchObject(wrong);
    expect(await callNewer(client, ...query, { request_content: '{"flowId":"y"}' })).toMatchObject({
      code: '401001',
    });
    expect(await callOlder({ ...client, algorithm: 'RSA-SHA1' }, ...query)).toMatchObject(wrong);
    expect(await callOlder({ ...client, algorithm: 'RSA-SHA1' }, ...query, { signType: 'RSA' })).toMatchObject(wrong);
  });

  test('an app of SHA1withRSA, which may sign more strongly', async () => {
    const old = await gateway.partner({ signType: 'RSA' });
    expect(await callOlder(old.client, ...query)).toMatchObject({ responseCode: '1435011' });
    const better = { ...old.client, algorithm: 'RSA-SHA256' } as const;
    expect(await callOlder(better, ...query)).toMatchObject({ responseCode: '401001' });
    expect(await callOlder(better, ...query, { signType: 'RSA2' })).toMatchObject({ responseCode: '1435011' });
    expect(await callNewer(better, ...query, { sign_type: 'RSA2' })).toMatchObject({ code: '1435011' });
  });

  test('a forger cannot burn a nonce, and its owner can use it once a minute', async () => {
    const { client: own } = await gateway.partner();
    const body = olderBody(own, ...query);
    const forged = JSON.stringify({ ...(JSON.parse(body) as object), sign: Buffer.alloc(256, 1).toString('base64') });
    const codeOf = async (text: string) => (JSON.parse(await send(own, text)) as { responseCode: string }).responseCode;
    expect(await codeOf(forged)).toBe('401001');
    expect(await codeOf(body)).toBe('1435011');
    expect(await codeOf(body)).toBe('403002');
    const { nonce } = JSON.parse(body) as { nonce: string };
    const start = gateway.time.now;
    const again = (): string => {
      const timestamp = own.now();
      const pairs = { apiCode: query[0], appId: own.appId, nonce, timestamp: String(timestamp), flowId: 'x' };
      const head = { appId: own.appId, apiCode: query[0], nonce, timestamp };
      return JSON.stringify({ ...head, params: { flowId: 'x' }, sign: signPairs(own, pairs) });
    };
    gateway.time.now = new Date(start.getTime() + 59_999);
    expect(await codeOf(again())).toBe('403002');
    gateway.time.now = new Date(start.getTime() + 60_000);
    expect(await codeOf(again())).toBe('1435011');
  });

  test('of many copies of one request at once, exactly one is handled', async () => {
    const body = newerBody(client, 'esign.signflows.revoke', SEED_002);
    const answers = await Promise.all(Array.from({ length: 12 }, async () => send(client, body)));
    const codes = answers.map((text) => (JSON.parse(text) as { code: string }).code);
    expect(codes.toSorted()).toEqual(['000', ...Array.from({ length: 11 }, () => '403002')]);
    expect(revoked).toHaveLength(1);
  });

  test('an api code that does not exist, and one that is not granted', async () => {
    const limited = await gateway.partner({ grants: ['esign.signflows.query'] });
    expect(await callOlder(limited.client, 'no.such.api')).toMatchObject({
      responseCode: '404001',
      responseMsg: '接口不存在',
    });
    expect(await callOlder(limited.client, 'esign.signflows.revoke', SEED_002)).toMatchObject({
      responseCode: '401002',
      responseMsg: '无权限访问当前接口',
    });
    expect(await callOlder(limited.client, ...query)).toMatchObject({ responseCode: '1435011' });
    expect(revoked).toEqual([]);
  });

  test('the rate, before the parameters are read', async () => {
    const slow = await gateway.partner({ ratePerSecondMax: 1 });
    expect(await callNewer(slow.client, 'esign.signflows.query', {})).toMatchObject({ code: '400' });
    expect(await callNewer(slow.client, 'esign.signflows.query', {})).toMatchObject({
      code: '429',
      msg: '请求过于频繁，请稍后再试',
    });
    gateway.time.now = new Date(gateway.time.now.getTime() + 1_000);
    expect(await callNewer(slow.client, 'esign.signflows.query', {})).toMatchObject({ code: '400' });
  });

  test('a permission that was refused leaves the rate untouched', async () => {
    const slow = await gateway.partner({ ratePerSecondMax: 1, grants: ['esign.signflows.query'] });
    await callNewer(slow.client, 'esign.signflows.revoke', SEED_002);
    expect(await callNewer(slow.client, ...query)).toMatchObject({ code: '1435011' });
  });
});

describe('unsigned nested params of the older dialect', () => {
  const oneStep = {
    fileUrl: 'https://files.example.com/a.pdf',
    fileName: '合同.pdf',
    notifyUrl: 'https://partner.example.com/notify',
    signers: { initiatorAccount: { etc_member_no: 'm', signfields: { signType: 0 } } },
  };

  test('are taken, and the audit says that they were unsigned', async () => {
    const answer = await callOlder(client, 'esign.signflows.createFlowOneStep', oneStep);
    expect(answer).toMatchObject({ responseCode: '000', data: { flowRequestId: 'r'.repeat(20) } });
    const subject = `gateway_request:${answer.requestId}`;
    expect(await listAudit(gateway.database.db, { appId: app.appId, subject, limit: 10 })).toMatchObject([
      {
        actor: `app:${app.appId}`,
        action: 'gateway.unsigned_params',
        detail: { apiCode: 'esign.signflows.createFlowOneStep' },
      },
    ]);
  });

  test('are refused where the app says so; the newer dialect signs them', async () => {
    const strict = await gateway.partner({ refuseNestedParams: true });
    const answer = await callOlder(strict.client, 'esign.signflows.createFlowOneStep', oneStep);
    expect(answer.responseCode).toBe('401001');
    expect(answer.responseMsg).toContain('request_content');
    expect(await callNewer(strict.client, 'esign.signflows.createFlowOneStep', oneStep)).toMatchObject({ code: '000' });
  });
});
