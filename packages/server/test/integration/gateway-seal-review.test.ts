import { sql } from 'kysely';
import { afterAll, describe, expect, test } from 'vitest';
import { createSealReview, createSeals } from '../../src/seals/index.ts';
import { callNewer, callOlder } from '../support/gateway-client.ts';
import { startGatewayOf } from '../support/gateway-of.ts';
import { startSigningFixture } from '../support/signing-fixture.ts';

const fixture = await startSigningFixture();
const { clock, service } = fixture;
const { db } = service.database;
const { appId } = service;
const seals = createSeals({ clock, links: { baseUrl: () => 'http://files.test', key: Buffer.alloc(32, 1) } });
const sealReview = createSealReview({ db, clock, seals });
const gateway = await startGatewayOf(fixture, { sealReview });
const { client } = gateway;
afterAll(async () => {
  await gateway.close();
  await fixture.close();
});

type Pending = { etc_org_no: string; alias: string; seal_url: string; seal_id: string; create_date: string };

const required = async (isRequired: boolean) => sealReview.require({ appId, isRequired, actor: 'operator' });
const pendingOf = async (etcOrgNo: string): Promise<Pending[]> => {
  const { data } = await callNewer(client, 'esign.seal.pending');
  return (data as Pending[]).filter((seal) => seal.etc_org_no === etcOrgNo);
};
const review = async (etcOrgNo: string, sealId: string, more: object = {}) =>
  callNewer(client, 'esign.seal.review', { etc_org_no: etcOrgNo, seal_id: sealId, status: '1', ...more });

let companies = 0;
async function newCompany(): Promise<{ appId: string; etcOrgNo: string; etcMemberNo: string; companyName: string }> {
  companies += 1;
  const companyName = `第${'一二三四五六七八九'[companies]}房地产有限公司`;
  return { ...(await service.company({ name: companyName })), appId, companyName };
}
const flowOf = async (etcMemberNo: string) => {
  const { flowRequestId } = await service.signing.createFlow({
    ...fixture.command(),
    initiator: { ...fixture.command().initiator, etcMemberNo },
  });
  await fixture.jobs.run(clock.now());
  const [created] = await fixture.notifications(flowRequestId);
  return created?.data;
};

describe('seals of an application that reviews them', () => {
  test('a new seal waits, is listed as the contract says, signs nothing, and signs once it has passed', async () => {
    await required(true);
    const company = await newCompany();
    expect(await flowOf(company.etcMemberNo)).toMatchObject({
      success_flag: false,
      message: expect.stringContaining('企业印章待审核'),
    });
    const [waiting] = await pendingOf(company.etcOrgNo);
    expect(waiting).toEqual({
      etc_org_no: company.etcOrgNo,
      alias: '公章',
      seal_url: expect.stringMatching(/^http:\/\/files\.test\/seals\//),
      seal_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      create_date: '2026-03-22',
    });
    const passed = await callOlder(client, 'esign.seal.review', {
      etc_org_no: company.etcOrgNo,
      seal_id: waiting!.seal_id,
      status: 1,
      reason: '与备案一致',
    });
    expect(passed).toMatchObject({ responseCode: '000', data: true });
    expect(await pendingOf(company.etcOrgNo)).toEqual([]);
    expect(await flowOf(company.etcMemberNo)).toMatchObject({ success_flag: true });
  });

  test('a rejected seal never signs; another design waits anew', async () => {
    await required(true);
    const company = await newCompany();
    const { sealId } = await seals.defaultSeal(db, company);
    expect(await review(company.etcOrgNo, sealId, { status: '2', reason: '名称有误' })).toMatchObject({ data: true });
    expect(await flowOf(company.etcMemberNo)).toMatchObject({
      success_flag: false,
      message: expect.stringContaining('企业印章审核未通过'),
    });
    const chosen = await seals.chooseVariant(db, { ...company, code: null }, 'plain');
    expect(chosen.sealId).not.toBe(sealId);
    expect((await pendingOf(company.etcOrgNo)).map((seal) => seal.seal_id)).toEqual([chosen.sealId]);
    await expect(seals.signingSeal(db, company)).rejects.toMatchObject({ code: 'seal_not_reviewed' });
  });

  test('a design chosen while another seal is in use follows it when it passes', async () => {
    await required(false);
    const company = await newCompany();
    const first = await seals.signingSeal(db, company);
    await required(true);
    const chosen = await seals.chooseVariant(db, { ...company, code: null }, 'contract');
    expect((await seals.signingSeal(db, company)).sealId).toBe(first.sealId);
    expect(await seals.chosenVariant(db, company)).toBe('contract');
    expect(await seals.chooseVariant(db, { ...company, code: null }, 'contract')).toEqual(chosen);
    expect(await review(company.etcOrgNo, chosen.sealId)).toMatchObject({ code: '000' });
    expect((await seals.signingSeal(db, company)).sealId).toBe(chosen.sealId);
    expect(await pendingOf(company.etcOrgNo)).toEqual([]);
  });

  test('going back to the design in use withdraws the one that waits', async () => {
    await required(false);
    const company = await newCompany();
    const first = await seals.signingSeal(db, company);
    await required(true);
    await seals.chooseVariant(db, { ...company, code: null }, 'contract');
    expect(await seals.chooseVariant(db, { ...company, code: null }, 'plain')).toEqual({ sealId: first.sealId });
    expect(await pendingOf(company.etcOrgNo)).toEqual([]);
  });

  test('of two verdicts at once one stands, and the same one again changes nothing', async () => {
    await required(true);
    const company = await newCompany();
    const { sealId } = await seals.defaultSeal(db, company);
    const answers = await Promise.all([
      review(company.etcOrgNo, sealId, { status: '1' }),
      review(company.etcOrgNo, sealId, { status: '2' }),
    ]);
    const codes = answers.map(({ code }) => code).toSorted();
    expect(codes).toEqual(['000', '400']);
    const stands = answers[0]?.code === '000' ? '1' : '2';
    expect(await review(company.etcOrgNo, sealId, { status: stands })).toMatchObject({ code: '000', data: true });
    const { rows } = await sql<{ action: string }>`
      select action from audit_entry where app_id = ${appId} and subject = ${`seal:${sealId}`}
    `.execute(db);
    expect(rows).toEqual([{ action: stands === '1' ? 'seal.pass' : 'seal.reject' }]);
  });

  test('what cannot be reviewed is refused and stays as it is', async () => {
    await required(true);
    const company = await newCompany();
    const other = await newCompany();
    const { sealId } = await seals.defaultSeal(db, company);
    const missing = { code: '400', msg: '参数seal_id对应的印章不存在，请核对机构编号和印章编号', data: null };
    expect(await review(company.etcOrgNo, '0'.repeat(32))).toMatchObject(missing);
    expect(await review(other.etcOrgNo, sealId)).toMatchObject(missing);
    expect(await review(company.etcOrgNo, sealId, { status: '3' })).toMatchObject({ msg: '参数status应为1、2之一' });
    const long = '长'.repeat(201);
    expect(await review(company.etcOrgNo, sealId, { reason: long })).toMatchObject({
      code: '400',
      msg: '参数reason应为不超过200个字符的字符串',
    });
    expect(await pendingOf(company.etcOrgNo)).toHaveLength(1);
    expect(await review(company.etcOrgNo, sealId, { reason: '长'.repeat(200) })).toMatchObject({ code: '000' });
  });
});
