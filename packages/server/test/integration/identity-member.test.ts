import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listAudit, verifyAuditChain } from '../../src/audit/index.ts';
import { callNewer } from '../support/gateway-client.ts';
import { COMPANY, DAY_MS, MINUTE_MS, startIdentity, type IdentityService } from '../support/identity-service.ts';

let service: IdentityService;
beforeAll(async () => {
  service = await startIdentity();
});
afterAll(() => service.stop());

const FACTORS = { orgName: COMPANY.name, orgCode: COMPANY.orgCode, legalRepName: COMPANY.legalRepName };
const actor = 'member:test';
const call = async (apiCode: string, params: object) => callNewer(service.partner, apiCode, params);
/** What was told of one member or flow. */
const toldOf = async (id: string) => (await service.told()).filter((body) => JSON.stringify(body).includes(id));

async function tokenOf(etcMemberNo: string): Promise<string> {
  const answer = await call('gateway.getToken', { etc_member_no: etcMemberNo });
  return (answer.data as Record<'etc-token', string>)['etc-token'];
}

describe("the member's way, from the token to silent signing", () => {
  it('goes from the factors over the payment, the seal and the consent to a certificate', async () => {
    const { etcOrgNo, etcMemberNo } = await service.company();
    const member = { appId: service.appId, etcMemberNo };
    expect(await service.identity.openToken(await tokenOf(etcMemberNo))).toEqual(member);
    expect(await service.identity.memberView(member)).toEqual({
      appName: '易楼',
      memberName: '张三',
      company: { orgName: COMPANY.name, orgCode: null, legalRepName: null },
      isBankAvailable: true,
      flow: null,
      verifiedAt: null,
      seals: [],
      silentSigningConsentedAt: null,
      certificate: null,
    });

    await service.identity.startForMember({ ...member, company: FACTORS, actor });
    const { flow: begun } = await service.identity.memberView(member);
    expect(begun).toMatchObject({ process: 'CREATED', state: 'open', payTo: { amountFen: 1 }, failure: null });
    // The same again goes on with the same flow.
    await service.identity.startForMember({ ...member, company: FACTORS, actor });
    expect((await service.identity.memberView(member)).flow?.flowId).toBe(begun!.flowId);

    service.clock.pass(MINUTE_MS);
    await service.askBank();
    const asked = await service.identity.memberView(member);
    expect(asked.flow).toMatchObject({ process: 'UN_RECEIVED', bankAskedAt: service.clock.now() });
    const subAccountNo = begun!.payTo!.accountNo;
    await service.pay({ subAccountNo, amountFen: 2 });
    expect((await service.identity.memberView(member)).flow).toMatchObject({
      process: 'PAY_FAILED',
      failure: { reason: 'wrong_amount', amountFen: 2, payerName: COMPANY.name },
    });
    await service.pay({ subAccountNo, payerName: '李晓红', bizFlowNo: 'PERSON1' });
    expect((await service.identity.memberView(member)).flow).toMatchObject({
      failure: { reason: 'personal_account', payerName: '李**' },
    });
    await service.pay({ subAccountNo, bizFlowNo: 'OK1' });
    const verified = await service.identity.memberView(member);
    expect(verified).toMatchObject({
      verifiedAt: service.clock.now(),
      company: { orgCode: COMPANY.orgCode, legalRepName: COMPANY.legalRepName },
      flow: {
        process: 'ORGANFINISHED',
        state: 'verified',
        payment: { payerAccountNo: '1105***********0018', bizFlowNo: 'OK1' },
      },
      seals: [
        { variant: 'plain', isChosen: true },
        { variant: 'contract', isChosen: false },
        { variant: 'numbered', isChosen: false },
      ],
      silentSigningConsentedAt: null,
      certificate: null,
    });
    const status = await call('partner.org.getOrgAuthStatus', { etc_org_no: etcOrgNo });
    expect(status.data).toEqual({ etc_org_no: etcOrgNo, auth_status: '01' });

    const picture = await service.identity.sealPicture({ ...member, variant: 'contract' });
    expect(picture.subarray(1, 4).toString()).toBe('PNG');
    await service.identity.chooseSeal({ ...member, variant: 'contract', actor });
    expect((await service.identity.memberView(member)).seals[1]).toEqual({ variant: 'contract', isChosen: true });

    await service.identity.consentSilentSigning({ ...member, textVersion: '2026-11', actor });
    const done = await service.identity.memberView(member);
    expect(done.silentSigningConsentedAt).toEqual(service.clock.now());
    expect(done.certificate?.subject).toContain(COMPANY.name);
    expect((await service.identity.memberView(member)).certificate?.serialNumber).toBe(done.certificate?.serialNumber);

    const entries = await listAudit(service.database.db, {
      appId: service.appId,
      subject: `org:${etcOrgNo}`,
      limit: 10,
    });
    expect(entries.map((entry) => entry.action)).toEqual([
      'org.consent_silent_signing',
      'org.choose_seal',
      'org.verify',
      'org.create',
    ]);
    expect(await verifyAuditChain(service.database.db, service.appId)).toMatchObject({ fault: null });
  });

  it('auth_process tells the member and the seal, whose link shows a PNG to whoever holds it', async () => {
    const { etcMemberNo } = await service.company();
    const member = { appId: service.appId, etcMemberNo };
    await service.identity.startForMember({ ...member, company: FACTORS, actor });
    const { flow } = await service.identity.memberView(member);
    await service.pay({ subAccountNo: flow!.payTo!.accountNo });
    const [told, ...more] = await toldOf(etcMemberNo);
    expect(more).toEqual([]);
    expect(told).toEqual({
      api_callback_code: 'auth_process',
      data: { etc_member_no: etcMemberNo, org_seal_url: expect.stringContaining(`${service.url}/seals/`) },
      status: 'succeeded',
      message: '',
      timestamp: service.clock.now().getTime(),
    });
    const link = String((told!['data'] as Record<string, unknown>)['org_seal_url']);
    expect(link.length).toBeLessThan(500);
    const answer = await fetch(link);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'image/png']);
    expect(
      Buffer.from(await answer.arrayBuffer())
        .subarray(1, 4)
        .toString(),
    ).toBe('PNG');
    expect((await fetch(link.replace(/expires=\d/, 'expires=9'))).status).toBe(403);
    // A link to a seal opens no file, and the other way round.
    expect((await fetch(link.replace('/seals/', '/files/'))).status).toBe(403);
    service.clock.pass(31 * DAY_MS);
    expect((await fetch(link)).status).toBe(403);
  });

  it('a reversal takes the verification and the consent back, and tells so', async () => {
    const { etcOrgNo, etcMemberNo } = await service.company();
    const member = { appId: service.appId, etcMemberNo };
    await service.identity.startForMember({ ...member, company: FACTORS, actor });
    const { flow } = await service.identity.memberView(member);
    const subAccountNo = flow!.payTo!.accountNo;
    await service.pay({ subAccountNo, bizFlowNo: 'REV' });
    await service.identity.consentSilentSigning({ ...member, textVersion: '1', actor });
    service.clock.pass(MINUTE_MS);
    await service.pay({ subAccountNo, bizFlowNo: 'REV', reversal: true });
    expect(await service.identity.memberView(member)).toMatchObject({
      verifiedAt: null,
      silentSigningConsentedAt: null,
      certificate: null,
      flow: { state: 'open', process: 'PAY_FAILED', failure: { reason: 'reversed' } },
    });
    expect(await service.parties.orgAuthStatus(service.appId, etcOrgNo)).toBe('02');
    const told = await toldOf(etcMemberNo);
    expect(told.map((body) => [body['status'], body['message']])).toEqual([
      ['succeeded', ''],
      ['failed', '打款已被银行冲正或退回，企业认证已撤回，请重新打款0.01元'],
    ]);
    await service.pay({ subAccountNo, bizFlowNo: 'REV2' });
    expect(await service.parties.orgAuthStatus(service.appId, etcOrgNo)).toBe('01');
  });

  it('a reversal after weeks finds the number given back: another one is given', async () => {
    const { etcMemberNo } = await service.company();
    const member = { appId: service.appId, etcMemberNo };
    await service.identity.startForMember({ ...member, company: FACTORS, actor });
    const subAccountNo = (await service.identity.memberView(member)).flow!.payTo!.accountNo;
    await service.pay({ subAccountNo, bizFlowNo: 'LATE' });
    service.clock.pass(8 * DAY_MS);
    await service.identity.sweep();
    await service.pay({ subAccountNo, bizFlowNo: 'LATE', reversal: true });
    expect((await service.identity.memberView(member)).flow).toMatchObject({ state: 'open', payTo: null });
    await service.identity.startForMember({ ...member, company: FACTORS, actor });
    const { flow } = await service.identity.memberView(member);
    expect(flow!.payTo!.accountNo).not.toBe(subAccountNo);
    await service.pay({ subAccountNo: flow!.payTo!.accountNo });
    expect((await service.identity.memberView(member)).flow).toMatchObject({ process: 'ORGANFINISHED' });
  });

  it('an operator’s word stays when a payment is taken back', async () => {
    const { etcOrgNo, etcMemberNo } = await service.company();
    const member = { appId: service.appId, etcMemberNo };
    await service.identity.startForMember({ ...member, company: FACTORS, actor });
    const subAccountNo = (await service.identity.memberView(member)).flow!.payTo!.accountNo;
    await service.parties.verifyOrg({ etcOrgNo, reason: '执照原件', actor: 'operator' });
    await service.pay({ subAccountNo, bizFlowNo: 'BOTH' });
    await service.pay({ subAccountNo, bizFlowNo: 'BOTH', reversal: true });
    expect(await service.parties.orgAuthStatus(service.appId, etcOrgNo)).toBe('01');
  });

  it('refuses what does not belong to the company, what is too early and what is done', async () => {
    const { etcMemberNo } = await service.company({ code: COMPANY.orgCode });
    const member = { appId: service.appId, etcMemberNo };
    const start = (company: Partial<typeof FACTORS>) =>
      service.identity.startForMember({ ...member, company: { ...FACTORS, ...company }, actor });
    const invalid = (field: string, reason: string) => ({ code: 'identity_invalid', params: { field, reason } });
    await expect(start({ orgName: '上海明月贸易有限公司' })).rejects.toMatchObject(invalid('orgName', 'mismatch'));
    await expect(start({ orgCode: '91310000MA1FL0KQ2H' })).rejects.toMatchObject(invalid('orgCode', 'mismatch'));
    await expect(start({ orgCode: '91310000MA1FL0KQ2X' })).rejects.toMatchObject(invalid('orgCode', 'check_digit'));
    await expect(start({ legalRepName: ' 王小明' })).rejects.toMatchObject(invalid('legalRepName', 'spaces'));
    const early = { code: 'not_verified' };
    await expect(service.identity.chooseSeal({ ...member, variant: 'plain', actor })).rejects.toMatchObject(early);
    await expect(service.identity.sealPicture({ ...member, variant: 'plain' })).rejects.toMatchObject(early);
    await expect(service.identity.consentSilentSigning({ ...member, textVersion: '1', actor })).rejects.toMatchObject(
      early,
    );

    // Another legal representative: the flow under way gives way to a new one …
    await start({});
    const first = (await service.identity.memberView(member)).flow!;
    await start({ legalRepName: '李四' });
    const second = (await service.identity.memberView(member)).flow!;
    expect(second.flowId).not.toBe(first.flowId);
    expect((await service.identity.show({ flowId: first.flowId })).state).toBe('cancelled');
    // … unless money for it waits for a person.
    await service.pay({ subAccountNo: second.payTo!.accountNo, payerName: '北京易楼房地产经纪有限责任公司' });
    expect((await service.identity.memberView(member)).flow!.inReviewSince).toEqual(service.clock.now());
    await expect(start({})).rejects.toMatchObject({ code: 'flow_open' });
    await service.pay({ subAccountNo: second.payTo!.accountNo });
    await expect(start({})).rejects.toMatchObject({ code: 'already_verified' });
    await expect(service.identity.chooseSeal({ ...member, variant: 'oval', actor })).rejects.toMatchObject({
      code: 'seal_variant_unknown',
    });
  });

  it('two beginnings at once make one flow', async () => {
    const { etcMemberNo } = await service.company();
    const member = { appId: service.appId, etcMemberNo };
    await Promise.all(
      Array.from({ length: 8 }, () => service.identity.startForMember({ ...member, company: FACTORS, actor })),
    );
    const flows = await service.identity.list({ appId: service.appId, limit: 500 });
    expect(flows.filter((flow) => flow.etcMemberNo === etcMemberNo)).toHaveLength(1);
  });
});

describe('silent signing', () => {
  it('needs the company’s consent beside its verification; an operator’s word counts as both', async () => {
    const command = (etcMemberNo: string) => ({
      appId: service.appId,
      bizRequestNo: null,
      fileUrl: 'http://127.0.0.1:8099/a.pdf',
      fileName: '合同.pdf',
      notifyUrl: null,
      signValidity: null,
      finishNotifyFlag: true,
      initiator: {
        signOrder: 1,
        etcMemberNo,
        fields: [
          {
            autoExecute: true,
            placement: { kind: 'page' as const, positions: [{ page: 1, x: 300, y: 200 }] },
            width: null,
            date: null,
          },
        ],
      },
      signers: [],
    });
    const { etcMemberNo } = await service.company();
    const member = { appId: service.appId, etcMemberNo };
    await expect(service.signing.createFlow(command(etcMemberNo))).rejects.toMatchObject({
      code: 'company_not_verified',
    });
    await service.identity.startForMember({ ...member, company: FACTORS, actor });
    await service.pay({ subAccountNo: (await service.identity.memberView(member)).flow!.payTo!.accountNo });
    await expect(service.signing.createFlow(command(etcMemberNo))).rejects.toMatchObject({
      code: 'silent_signing_not_agreed',
    });
    await service.identity.consentSilentSigning({ ...member, textVersion: '1', actor });
    await expect(service.signing.createFlow(command(etcMemberNo))).resolves.toHaveProperty('flowRequestId');

    const vouched = await service.company();
    await service.parties.verifyOrg({ etcOrgNo: vouched.etcOrgNo, reason: '执照原件', actor: 'operator' });
    await expect(service.signing.createFlow(command(vouched.etcMemberNo))).resolves.toHaveProperty('flowRequestId');
  });
});
