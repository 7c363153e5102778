import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { sql } from 'kysely';
import { afterAll, describe, expect, test } from 'vitest';
import { createApps } from '../../src/apps/index.ts';
import { registerGatewayRoutes } from '../../src/dialects/etc/gateway/routes.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { createParties } from '../../src/parties/index.ts';
import { createLog } from '../../src/platform/log.ts';
import { createVault } from '../../src/platform/vault.ts';
import { callNewer, callOlder } from '../support/gateway-client.ts';
import type { PartnerClient } from '../support/gateway-client.ts';
import { absentCapabilities, absentIdentity, partnerKey, partnerPublicKey } from '../support/gateway-service.ts';
import { HOUR_MS, startSigningFixture } from '../support/signing-fixture.ts';

// The gateway over the real signing: only the clock and the time at which jobs run are the test's.
const fixture = await startSigningFixture();
const { clock, service } = fixture;
const { db } = service.database;
await sql`update app set public_key = ${partnerPublicKey} where app_id = ${service.appId}`.execute(db);

const vault = createVault(randomBytes(32));
const server = createHttpServer({ log: createLog({ level: 'silent' }), trustedProxies: [] });
registerGatewayRoutes(server, {
  ...absentCapabilities,
  apps: createApps({ db, vault, clock }),
  parties: createParties({ db, vault, clock }),
  signing: service.signing,
  identity: absentIdentity,
  clock,
});
await server.listen({ host: '127.0.0.1', port: 0 });
const client: PartnerClient = {
  url: `http://127.0.0.1:${(server.server.address() as AddressInfo).port}/api/gateway`,
  appId: service.appId,
  privateKey: partnerKey.privateKey,
  algorithm: 'RSA-SHA256',
  now: () => clock.now().getTime(),
};
afterAll(async () => {
  await server.close();
  await fixture.close();
});

const { etcMemberNo } = fixture.company;

/** createFlowOneStep as a partner writes it: everything a string, signfields a bare object. */
const oneStep = (signerAccount: object[] = [], more: object = {}): Record<string, unknown> => ({
  fileUrl: `${fixture.outside.url}/contract.pdf`,
  fileName: '房屋买卖合同.pdf',
  notifyUrl: `${fixture.outside.url}/notify`,
  signers: {
    initiatorAccount: {
      etc_member_no: etcMemberNo,
      signfields: {
        signType: '1',
        signBean: { posBean: [{ posPage: '1', posX: '300', posY: '200' }] },
        signDateBean: { format: 'yyyy年MM月dd日', posBean: { posPage: '1', posX: '300', posY: '120' } },
      },
    },
    signerAccount,
  },
  ...more,
});
const POSITION = { posBean: [{ posPage: '1', posX: '300', posY: '200' }] };
const person = { name: '李四', idNumber: '11010519491231002X', mobile: '13800138000', signfields: [{ signType: 0 }] };

/** Asks for a flow, lets the jobs run, and reads the flow's id from the notification. */
async function opened(signers: object[], more: object = {}): Promise<string> {
  const answer = await callOlder(client, 'esign.signflows.createFlowOneStep', oneStep(signers, more));
  expect(answer).toMatchObject({ responseCode: '000', responseMsg: '成功' });
  const { flowRequestId } = answer.data as { flowRequestId: string };
  await fixture.jobs.run(clock.now());
  const [created] = await fixture.notifications(flowRequestId);
  expect(created).toMatchObject({ api_callback_code: 'create_sign_process', data: { success_flag: true } });
  return String(created?.data['flow_id']);
}

const revoke = async (flowId: string, change: object = {}) =>
  callOlder(client, 'esign.signflows.revoke', {
    flowId,
    etc_member_no: etcMemberNo,
    revokeReason: '合同有误',
    ...change,
  });
const statusOf = async (flowId: string) =>
  ((await callOlder(client, 'esign.signflows.query', { flowId })).data as { flowStatus: number }).flowStatus;

describe('through the gateway', () => {
  test('a contract is signed, and its file is there to fetch', async () => {
    const flowId = await opened([]);
    expect(await callNewer(client, 'esign.signflows.query', { flowId })).toMatchObject({
      code: '000',
      data: { flowId, flowStatus: 2, flowDesc: '完成', initiatorAccountId: etcMemberNo },
    });
    const { data } = await callNewer(client, 'esign.signflows.documents', { flowId });
    expect(data).toEqual({
      docs: [{ fileId: expect.any(String), fileName: '房屋买卖合同.pdf', fileUrl: expect.stringMatching(/^http/) }],
    });
    expect(await revoke(flowId)).toMatchObject({ responseCode: '1437111' });
  });

  test('the same bizRequestNo answers the first flowRequestId', async () => {
    const params = oneStep([person], { bizRequestNo: 'order-1' });
    const [one, two] = await Promise.all(
      [1, 2].map(async () => callNewer(client, 'esign.signflows.createFlowOneStep', params)),
    );
    expect(one).toMatchObject({ code: '000' });
    expect(two?.data).toEqual(one?.data);
    await fixture.jobs.run(clock.now());
  });

  test('seed 002 revokes a flow, and every refusal leaves it as it was', async () => {
    const flowId = await opened([person]);
    expect(await revoke('0'.repeat(32))).toMatchObject({ responseCode: '1435011', data: null });
    expect(await revoke(flowId, { etc_member_no: 'someone' })).toMatchObject({ responseCode: '1437148', data: null });
    expect(await revoke(flowId, { revokeReason: '误'.repeat(65) })).toMatchObject({ responseCode: '1438108' });
    expect(await statusOf(flowId)).toBe(1);
    const answer = await revoke(flowId);
    expect(answer).toEqual({
      requestId: answer.requestId,
      responseCode: '000',
      responseMsg: '成功',
      data: { revokeResult: true },
    });
    expect(await statusOf(flowId)).toBe(3);
    expect(await revoke(flowId)).toMatchObject({ responseCode: '1437168', data: null });
    const [ended] = await fixture.notifications(`"flow_status":"3","flow_id":"${flowId}"`);
    expect(ended).toMatchObject({ api_callback_code: 'sign_process', data: { status_description: '撤销' } });
  });

  test('an expired flow is not revoked', async () => {
    const flowId = await opened([person], { signValidity: String(clock.now().getTime() + HOUR_MS) });
    clock.pass(HOUR_MS + 1);
    await fixture.jobs.run(clock.now());
    expect(await statusOf(flowId)).toBe(5);
    expect(await revoke(flowId)).toMatchObject({ responseCode: '1437111' });
    const late = oneStep([person], { signValidity: String(clock.now().getTime() - 1) });
    expect(await callNewer(client, 'esign.signflows.createFlowOneStep', late)).toMatchObject({
      code: '400',
      msg: '参数signValidity应晚于当前时间',
    });
  });

  test('what signing refuses is 400 and names the way out', async () => {
    const stranger = oneStep([person]);
    (stranger['signers'] as { initiatorAccount: Record<string, unknown> }).initiatorAccount['etc_member_no'] = 'nobody';
    expect(await callNewer(client, 'esign.signflows.createFlowOneStep', stranger)).toMatchObject({
      code: '400',
      msg: '参数etc_member_no对应的用户不存在，请先创建用户',
    });
    const inside = oneStep([person], { notifyUrl: 'http://169.254.169.254/latest' });
    expect(await callNewer(client, 'esign.signflows.createFlowOneStep', inside)).toMatchObject({
      code: '400',
      msg: '参数notifyUrl应为可访问的http(s)地址',
    });
  });

  test.each([
    [{ signType: '0' }, '静默签署必须指定签署位置'],
    [{ signType: '1', width: '1201', signBean: POSITION }, '印章宽度或日期字号不正确'],
  ])('a sign field that cannot be is 400 and says why: %o', async (signfields, reason) => {
    const params = oneStep();
    (params['signers'] as { initiatorAccount: Record<string, unknown> }).initiatorAccount['signfields'] = signfields;
    expect(await callNewer(client, 'esign.signflows.createFlowOneStep', params)).toMatchObject({
      code: '400',
      msg: `参数signfields不正确：${reason}`,
      data: null,
    });
  });
});
