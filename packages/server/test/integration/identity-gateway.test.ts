import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callNewer, callOlder } from '../support/gateway-client.ts';
import {
  COMPANY,
  DAY_MS,
  MINUTE_MS,
  RESIDENT_ID,
  startIdentity,
  type IdentityService,
} from '../support/identity-service.ts';

let service: IdentityService;
beforeAll(async () => {
  service = await startIdentity();
});
afterAll(() => service.stop());

const call = async (apiCode: string, params: object) => callNewer(service.partner, apiCode, params);
const refused = (code: string) => expect.objectContaining({ code });
/** What was told of one member or flow. */
const toldOf = async (id: string) => (await service.told()).filter((body) => JSON.stringify(body).includes(id));

async function tokenOf(etcMemberNo: string): Promise<string> {
  const answer = await call('gateway.getToken', { etc_member_no: etcMemberNo });
  return (answer.data as Record<'etc-token', string>)['etc-token'];
}

describe('the etc-token', () => {
  it('is the member’s alone, for half an hour, and no letter of it can be changed', async () => {
    const { etcMemberNo } = await service.company();
    const token = await tokenOf(etcMemberNo);
    const other = (await service.company()).etcMemberNo;
    const open = (text: string) => service.identity.openToken(text);
    for (let place = 0; place < token.length; place += 1) {
      const changed = token[place] === '0' ? '1' : '0';
      await expect(open(token.slice(0, place) + changed + token.slice(place + 1))).rejects.toMatchObject({
        code: 'member_token_invalid',
      });
    }
    await expect(open(token.replace(etcMemberNo, other))).rejects.toMatchObject({ code: 'member_token_invalid' });
    await expect(open('')).rejects.toMatchObject({ code: 'member_token_invalid' });
    service.clock.pass(30 * MINUTE_MS);
    await expect(open(token)).rejects.toMatchObject({ code: 'member_token_expired' });
  });

  it('gateway.getToken is refused for a member that is not there', async () => {
    expect(await call('gateway.getToken', { etc_member_no: 'f'.repeat(32) })).toEqual(refused('400'));
    expect(await call('gateway.getToken', { etc_member_no: 'x' })).toEqual(refused('400'));
    expect(await call('gateway.getToken', {})).toEqual(refused('400'));
  });
});

describe('comparisons over the gateway', () => {
  const match = { result: true, message: '信息比对一致' };
  it.each([
    ['esign.verify.org.base', { orgName: COMPANY.name, orgCode: COMPANY.orgCode }, match],
    [
      'esign.verify.org.base',
      { orgName: COMPANY.name, orgCode: '91110105MA01ABCD27' },
      { result: false, message: '企业证件号校验位不正确' },
    ],
    [
      'esign.verify.org.bureau4Factors',
      {
        orgName: COMPANY.name,
        orgCode: COMPANY.orgCode,
        orgLegalName: COMPANY.legalRepName,
        orgLegalIdNumber: RESIDENT_ID,
      },
      match,
    ],
    [
      'esign.verify.org.bureau4Factors',
      {
        orgName: COMPANY.name,
        orgCode: COMPANY.orgCode,
        orgLegalName: '王小明',
        orgLegalIdNumber: '110105194902300021',
      },
      { result: false, message: '法定代表人证件号格式不正确' },
    ],
    ['esign.verify.indiv.base', { name: '王小明', idNumber: RESIDENT_ID }, match],
    [
      'esign.verify.indiv.base',
      { name: '王小明', idNumber: '110105194912310021' },
      { result: false, message: '身份证号校验位不正确' },
    ],
    ['esign.verify.indiv.telecom3Factors', { name: '王小明', idNumber: RESIDENT_ID, mobile: '13800138000' }, match],
    [
      'esign.verify.indiv.telecom3Factors',
      { name: '王小明', idNumber: RESIDENT_ID, mobile: '12345' },
      { result: false, message: '手机号格式不正确' },
    ],
  ])('%s %j', async (apiCode, params, data) => {
    expect(await call(apiCode, params)).toEqual({ request_id: expect.any(String), code: '000', msg: '成功', data });
    expect(await callOlder(service.partner, apiCode, params as Record<string, unknown>)).toMatchObject({
      responseCode: '000',
      data,
    });
  });
});

describe('partner.org.saveOrgAuthInfo', () => {
  const info = (changed: object = {}) => ({
    biz_license_info: { cert_no: COMPANY.orgCode, name: COMPANY.name, address: '北京市朝阳区' },
    legal_id_card_info: { cert_no: RESIDENT_ID, legal_name: COMPANY.legalRepName, legal_mobile: '13800138000' },
    ...changed,
  });

  it('keeps what the page then knows, sealed; four factors of the account use it', async () => {
    const { etcOrgNo, etcMemberNo } = await service.company();
    const answer = await call('partner.org.saveOrgAuthInfo', { etc_org_no: etcOrgNo, ...info() });
    expect(answer).toMatchObject({ code: '000', data: { etc_org_no: etcOrgNo } });
    const member = { appId: service.appId, etcMemberNo };
    expect((await service.identity.memberView(member)).company).toEqual({
      orgName: COMPANY.name,
      orgCode: COMPANY.orgCode,
      legalRepName: COMPANY.legalRepName,
    });
    const path = `/v2/identity/auth/api/organization/enterprise/${etcOrgNo}/fourFactors`;
    const started = await service.call('POST', path, {
      agentAccountId: etcMemberNo,
      notifyUrl: 'http://127.0.0.1:8099/t',
    });
    const { flowId } = started.json['data'] as { flowId: string };
    expect((await service.call('GET', `/v2/identity/auth/api/common/${flowId}/detail`)).json['data']).toMatchObject({
      organInfo: { accountId: etcOrgNo, legalRepCertNo: '110***********002X' },
      indivInfo: { accountId: etcMemberNo, name: '张三' },
    });
    const { rows } = await service.database.pool.query(
      'select t::text as row from verification_flow t union all select t::text from org_auth_info t',
    );
    const everything = rows.map((row: { row: string }) => row.row).join();
    const hexOf = (text: string) => Buffer.from(text).toString('hex');
    for (const secret of [RESIDENT_ID, '13800138000']) {
      expect(everything).not.toContain(secret);
      expect(everything).not.toContain(hexOf(secret));
    }
  });

  it('refuses another company’s licence, and numbers that cannot be', async () => {
    const { etcOrgNo } = await service.company();
    const save = async (changed: object) =>
      call('partner.org.saveOrgAuthInfo', { etc_org_no: etcOrgNo, ...info(changed) });
    const license = (changed: object) => ({ biz_license_info: { ...info().biz_license_info, ...changed } });
    expect(await save(license({ name: '上海明月贸易有限公司' }))).toMatchObject({
      code: '400',
      msg: '参数biz_license_info.name与已有的企业资料不一致，请核对后重新提交',
    });
    expect(await save(license({ cert_no: '91110105MA01ABCD27' }))).toMatchObject({
      code: '400',
      msg: '参数biz_license_info.cert_no校验位不正确',
    });
    expect(await save({ legal_id_card_info: { ...info().legal_id_card_info, cert_no: '1' } })).toMatchObject({
      code: '400',
      msg: '参数legal_id_card_info.cert_no格式不正确',
    });
    expect(await call('partner.org.saveOrgAuthInfo', { etc_org_no: 'f'.repeat(32), ...info() })).toMatchObject({
      code: '400',
    });
  });
});

describe('identity_org_end', () => {
  it('goes to the flow’s own URL for flows of the e签宝 API, at the end and at a reversal', async () => {
    const notifyUrl = 'http://127.0.0.1:8099/identity?tenant=1';
    const { flowId, subAccountNo } = await service.orderedFlow({ notifyUrl, contextId: 'order-7' });
    await service.pay({ subAccountNo, bizFlowNo: 'E1' });
    service.clock.pass(MINUTE_MS);
    await service.pay({ subAccountNo, bizFlowNo: 'E1', reversal: true });
    const told = await toldOf(flowId);
    const common = {
      action: 'identity_org_end',
      flowId,
      contextId: 'order-7',
      serviceId: flowId,
      accountId: null,
      agentAccountId: null,
      agentFlowId: null,
      orgAccountId: null,
    };
    expect(told).toEqual([
      { ...common, success: true, verifycode: expect.stringMatching(/^[0-9a-f]{32}$/), status: true },
      { ...common, success: false, verifycode: null, status: false },
    ]);
    const { rows } = await service.database.pool.query(
      "select distinct profile, url from delivery where content like '%' || $1 || '%'",
      [flowId],
    );
    expect(rows).toEqual([{ profile: 'tsign', url: notifyUrl }]);
  });

  it('says false at an expiry, and nothing where no URL was given', async () => {
    const withUrl = await service.newFlow({ notifyUrl: 'http://127.0.0.1:8099/x' });
    const without = await service.newFlow();
    service.clock.pass(8 * DAY_MS);
    await service.identity.sweep();
    expect(await toldOf(withUrl)).toMatchObject([{ success: false, status: false }]);
    expect(await toldOf(without)).toEqual([]);
  });
});
