import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, describe, expect, test } from 'vitest';
import { listAudit, verifyAuditChain } from '../../src/audit/index.ts';
import { DomainError } from '../../src/platform/errors.ts';
import type { SigningCommands } from '../../src/dialects/etc/gateway/api.ts';
import { callNewer, callOlder, send } from '../support/gateway-client.ts';
import { absentSigning, partnerKey, startGateway } from '../support/gateway-service.ts';

const flow = {
  flowId: 'f'.repeat(32),
  appId: 'A'.repeat(16),
  flowRequestId: 'r'.repeat(20),
  autoArchive: true,
  businessScene: '房屋买卖合同.pdf',
  state: 'signing',
  startedAt: new Date(1_604_990_109_987),
  endedAt: null,
  reason: null,
  initiatorMemberNo: 'm'.repeat(32),
  initiatorOrgNo: 'o'.repeat(32),
  signValidity: new Date(1_605_000_000_000),
} as const;

const signing: SigningCommands = {
  ...absentSigning,
  createFlow: async () => {
    throw new DomainError('company_not_verified');
  },
  flow: async () => flow,
  documents: async () => [
    { fileId: 'd', fileName: 'a.pdf', fileUrl: 'https://files.example.com/d', signatureLevel: null },
  ],
  revokeFlow: async () => undefined,
};

const gateway = await startGateway(signing);
const { client, app } = await gateway.partner();
afterAll(() => gateway.stop());

const company = { biz_org_no: 'B-1', org_type: '01', org_name: '北京印信科技有限公司' };

async function createOrg(change: object = {}): Promise<string> {
  const answer = await callNewer(client, 'partner.org.create', { ...company, ...change });
  expect(answer).toMatchObject({ code: '000', msg: '成功' });
  return (answer.data as { etc_org_no: string }).etc_org_no;
}

describe('partner.org.create', () => {
  test('the same number and data again is the same company; other data is a clear error', async () => {
    const full = {
      biz_org_no: 'B-full',
      address: '朝阳区1号',
      contact_mobile: '13800000000',
      contact_email: 'a@example.com',
      social_credit_code: '91350100M000100Y43',
      legal_person: '王小明',
    };
    const first = await createOrg(full);
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect(await createOrg(Object.fromEntries(Object.entries(full).reverse()))).toBe(first);
    const other = await callNewer(client, 'partner.org.create', { ...company, ...full, address: '海淀区1号' });
    expect(other).toMatchObject({ code: '400', data: null });
    expect(other.msg).toContain('biz_org_no');
  });

  test('many at once make one company', async () => {
    const numbers = await Promise.all(Array.from({ length: 8 }, async () => createOrg({ biz_org_no: 'B-race' })));
    expect(new Set(numbers).size).toBe(1);
    const audit = await listAudit(gateway.database.db, { appId: app.appId, subject: `org:${numbers[0]}`, limit: 9 });
    expect(audit).toMatchObject([{ action: 'org.create', actor: `app:${app.appId}` }]);
  });

  test('two apps may use the same number and do not see each other', async () => {
    const mine = await createOrg();
    const other = await gateway.partner();
    const theirs = await callNewer(other.client, 'partner.org.create', company);
    expect(theirs.code).toBe('000');
    expect((theirs.data as { etc_org_no: string }).etc_org_no).not.toBe(mine);
    expect(await callNewer(other.client, 'partner.org.getOrgAuthStatus', { etc_org_no: mine })).toMatchObject({
      code: '400',
      msg: '参数etc_org_no对应的机构不存在，请核对机构编号',
    });
    const member = { etc_org_no: mine, biz_member_no: 'M', member_name: '李雷' };
    expect(await callNewer(other.client, 'partner.member.create', member)).toMatchObject({ code: '400' });
  });

  test.each([
    [{ org_type: '04' }, '参数org_type应为01、02、03之一'],
    [{ org_name: '名'.repeat(51) }, '参数org_name应为不超过50个字符的字符串'],
    [{ social_credit_code: '91350100M000100Y44' }, '参数social_credit_code应为校验位正确的18位统一社会信用代码'],
    [{ contact_mobile: '010-1234' }, '参数contact_mobile应为11位手机号'],
    [
      { biz_org_no: 'B-child', parent_biz_org_no: 'nobody' },
      '参数parent_biz_org_no对应的上级机构不存在，请先创建上级机构',
    ],
  ])('%j is refused', async (change, msg) => {
    expect(await callNewer(client, 'partner.org.create', { ...company, ...change })).toMatchObject({
      code: '400',
      msg,
    });
  });

  test('a branch names its parent', async () => {
    await createOrg({ biz_org_no: 'B-parent' });
    await createOrg({ biz_org_no: 'B-branch', org_type: '02', parent_biz_org_no: 'B-parent' });
  });
});

describe('partner.member.create', () => {
  test('a member belongs to its company, its mobile rests sealed', async () => {
    const etcOrgNo = await createOrg();
    const params = {
      etc_org_no: etcOrgNo,
      biz_member_no: 'M-1',
      member_name: '李雷',
      mobile: '13912345678',
      role_type: '01',
    };
    const answer = await callOlder(client, 'partner.member.create', params);
    expect(answer.responseCode).toBe('000');
    const { etc_member_no: memberNo } = answer.data as { etc_member_no: string };
    const found = await gateway.parties.findMember(gateway.database.db, app.appId, memberNo);
    expect(found).toMatchObject({ member: { memberName: '李雷', roleType: '01' }, org: { etcOrgNo } });
    expect(await gateway.parties.findMember(gateway.database.db, 'Z'.repeat(16), memberNo)).toBeUndefined();

    const { rows } = await sql`select row_to_json(member)::text as text from member`.execute(gateway.database.db);
    expect(JSON.stringify(rows)).not.toContain('13912345678');
    expect(gateway.log.join('')).not.toContain('13912345678');

    expect((await callOlder(client, 'partner.member.create', params)).data).toEqual(answer.data);
    const renamed = await callOlder(client, 'partner.member.create', { ...params, member_name: '韩梅梅' });
    expect(renamed).toMatchObject({ responseCode: '400' });
  });
});

test('an operator vouches for a company, once, and the chain of records holds', async () => {
  const etcOrgNo = await createOrg({ biz_org_no: 'B-vouched' });
  const status = async () => (await callNewer(client, 'partner.org.getOrgAuthStatus', { etc_org_no: etcOrgNo })).data;
  expect(await status()).toEqual({ etc_org_no: etcOrgNo, auth_status: '02' });
  const vouch = { etcOrgNo, reason: '营业执照原件已核', actor: 'operator' };
  const [one, two] = await Promise.all([gateway.parties.verifyOrg(vouch), gateway.parties.verifyOrg(vouch)]);
  expect(one).toEqual(two);
  expect(await status()).toEqual({ etc_org_no: etcOrgNo, auth_status: '01' });
  const audit = await listAudit(gateway.database.db, { appId: app.appId, subject: `org:${etcOrgNo}`, limit: 9 });
  expect(audit.map((entry) => entry.action)).toEqual(['org.verify', 'org.create']);
  expect(audit[0]).toMatchObject({ actor: 'operator', detail: { reason: '营业执照原件已核' } });
  expect(await verifyAuditChain(gateway.database.db, app.appId)).toMatchObject({ fault: null });

  await expect(gateway.parties.verifyOrg({ ...vouch, reason: ' ' })).rejects.toThrow('party_invalid');
  await expect(gateway.parties.verifyOrg({ ...vouch, etcOrgNo: 'x' })).rejects.toThrow('org_not_found');
  await expect(gateway.parties.verifyOrg({ ...vouch, appId: 'x' })).rejects.toThrow('org_not_found');
});

describe('app.notify', () => {
  test('an app sets and reads its own address', async () => {
    const get = async () => (await callOlder(client, 'app.notify.get', { app_id: app.appId })).data;
    expect(await get()).toEqual({ app_id: app.appId, notify_url: null });
    const url = 'https://partner.example.com/notify?token=t0p';
    const saved = await callOlder(client, 'app.notify.save', { app_id: app.appId, notify_url: url });
    expect(saved).toMatchObject({ responseCode: '000', data: { app_id: app.appId } });
    expect(await get()).toEqual({ app_id: app.appId, notify_url: url });
    const audit = await listAudit(gateway.database.db, { appId: app.appId, subject: `app:${app.appId}`, limit: 1 });
    expect(audit[0]).toMatchObject({
      action: 'app.set_notify_url',
      actor: `app:${app.appId}`,
      detail: { notifyUrl: 'https://partner.example.com/notify' },
    });
  });

  test('another app’s address is not its own to touch', async () => {
    const other = await gateway.partner({ notifyUrl: 'https://other.example.com' });
    const params = { app_id: other.app.appId, notify_url: 'https://evil.example.com' };
    for (const apiCode of ['app.notify.save', 'app.notify.get']) {
      expect(await callOlder(client, apiCode, params)).toMatchObject({
        responseCode: '401002',
        responseMsg: '无权限访问当前接口',
        data: null,
      });
    }
    expect((await gateway.apps.find(other.app.appId))?.notifyUrl).toBe('https://other.example.com');
  });

  test.each([
    'ftp://example.com',
    'javascript:alert(1)',
    'https://',
    `https://e.com/${'a'.repeat(512)}`,
    'https://u:p@e.com',
  ])('%s is no address', async (url) => {
    const answer = await callOlder(client, 'app.notify.save', { app_id: app.appId, notify_url: url });
    expect(answer).toMatchObject({
      responseCode: '400',
      responseMsg: '参数notify_url应为不超过512个字符的http(s)地址',
    });
  });
});

describe('esign.signflows', () => {
  test('query answers the contract’s fields, times in ms', async () => {
    const { data } = await callOlder(client, 'esign.signflows.query', { flowId: flow.flowId });
    expect(JSON.stringify(data)).toBe(
      JSON.stringify({
        flowId: flow.flowId,
        appId: flow.appId,
        autoArchive: true,
        businessScene: '房屋买卖合同.pdf',
        flowStartTime: 1_604_990_109_987,
        flowEndTime: null,
        flowStatus: 1,
        flowDesc: '签署中',
        initiatorAccountId: flow.initiatorMemberNo,
        initiatorAuthorizedAccountId: flow.initiatorOrgNo,
        signValidity: 1_605_000_000_000,
      }),
    );
  });

  test('documents answers a list', async () => {
    const { data } = await callOlder(client, 'esign.signflows.documents', { flowId: flow.flowId });
    expect(data).toEqual({ docs: [{ fileId: 'd', fileName: 'a.pdf', fileUrl: 'https://files.example.com/d' }] });
  });

  test('createFlowOneStep says what stands in the way', async () => {
    const params = {
      fileUrl: 'https://files.example.com/a.pdf',
      fileName: '合同.pdf',
      notifyUrl: 'https://partner.example.com/notify',
      signers: { initiatorAccount: { etc_member_no: 'm', signfields: [{ signType: '0' }] } },
    };
    expect(await callNewer(client, 'esign.signflows.createFlowOneStep', params)).toMatchObject({
      code: '400',
      msg: '发起方企业未认证，不能静默签署，请先完成企业认证',
    });
  });
});

test('a client that signs with the openssl command line passes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'yinxin-gateway-'));
  try {
    const keyFile = join(folder, 'key.pem');
    writeFileSync(keyFile, partnerKey.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    const timestamp = String(client.now());
    const text = `apiCode=app.notify.get&appId=${app.appId}&app_id=${app.appId}&nonce=opnssl&timestamp=${timestamp}`;
    const sign = execFileSync('openssl', ['dgst', '-sha256', '-sign', keyFile], { input: text }).toString('base64');
    const head = { appId: app.appId, apiCode: 'app.notify.get', nonce: 'opnssl', timestamp, sign };
    const answer = await send(client, JSON.stringify({ ...head, params: { app_id: app.appId } }));
    expect(JSON.parse(answer)).toMatchObject({ responseCode: '000' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
