import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { createParties } from '../../src/parties/index.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createQuotas } from '../../src/quotas/index.ts';
import { callNewer, callOlder } from '../support/gateway-client.ts';
import { startGatewayOf } from '../support/gateway-of.ts';
import { startSigningFixture } from '../support/signing-fixture.ts';

const fixture = await startSigningFixture();
const { clock, service } = fixture;
const { db } = service.database;
const { appId, apps, signing } = service;
const parties = createParties({ db, vault: createVault(Buffer.alloc(32, 7)), clock });
const quotas = createQuotas({ db, clock, apps, parties });
const gateway = await startGatewayOf(fixture, { quotas });
const { client } = gateway;
afterAll(async () => {
  await gateway.close();
  await fixture.close();
});

const surplus = async () =>
  ((await callNewer(client, 'esign.contract.surplus')).data as { surplus_contract: number }).surplus_contract;
const limitTo = async (contracts: number | null) => quotas.set({ appId, contracts, actor: 'operator' });
const order = (more: object = {}) => ({
  public_estate_type: '01',
  etc_org_no: fixture.company.etcOrgNo,
  amount: 5,
  ...more,
});
const attempt = async () =>
  signing.createFlow(fixture.command()).then(
    () => 'taken on',
    (error: { code: string }) => error.code,
  );

beforeEach(async () => {
  await limitTo(null);
  await fixture.jobs.run(clock.now());
});

describe('contracts of an application', () => {
  test('where no quota was set, the surplus is the largest int and flows are made', async () => {
    expect(await callOlder(client, 'esign.contract.surplus', {})).toMatchObject({
      responseCode: '000',
      data: { surplus_contract: 2_147_483_647 },
    });
    expect(await attempt()).toBe('taken on');
    expect(await surplus()).toBe(2_147_483_647);
  });

  test('each flow takes one, and without one left createFlowOneStep is refused and changes nothing', async () => {
    await limitTo(1);
    expect(await attempt()).toBe('taken on');
    expect(await surplus()).toBe(0);
    const params = {
      fileUrl: `${fixture.outside.url}/contract.pdf`,
      fileName: '合同.pdf',
      notifyUrl: `${fixture.outside.url}/notify`,
      signers: {
        initiatorAccount: {
          etc_member_no: fixture.company.etcMemberNo,
          signfields: { signBean: { posBean: [{ posPage: '1', posX: '300', posY: '200' }] } },
        },
      },
    };
    expect(await callOlder(client, 'esign.signflows.createFlowOneStep', params)).toMatchObject({
      responseCode: '400',
      responseMsg: '剩余合同份数不足，请先订购合同（esign.contract.order）',
      data: null,
    });
    expect(await surplus()).toBe(0);
  });

  test('twenty requests at once for seven contracts: seven are taken on and none is left', async () => {
    await limitTo(7);
    const outcomes = await Promise.all(Array.from({ length: 20 }, attempt));
    expect(outcomes.filter((outcome) => outcome === 'taken on')).toHaveLength(7);
    expect(outcomes.filter((outcome) => outcome === 'contract_quota_used_up')).toHaveLength(13);
    expect(await surplus()).toBe(0);
  });

  test('a request that comes to nothing gives its contract back; the repeat of a bizRequestNo takes none', async () => {
    await limitTo(2);
    await signing.createFlow(fixture.command({ fileUrl: `${fixture.outside.url}/missing.pdf` }));
    await signing.createFlow(fixture.command({ bizRequestNo: 'quota-1' }));
    await signing.createFlow(fixture.command({ bizRequestNo: 'quota-1' }));
    expect(await surplus()).toBe(0);
    await fixture.jobs.run(clock.now());
    expect(await surplus()).toBe(1);
  });

  test('a contract that was taken without a limit is not given back into a later quota', async () => {
    await signing.createFlow(fixture.command({ fileUrl: `${fixture.outside.url}/missing.pdf` }));
    await limitTo(3);
    await fixture.jobs.run(clock.now());
    expect(await surplus()).toBe(3);
  });

  test('an order adds, in both dialects; its repeat does not, and another one under its number is refused', async () => {
    await limitTo(0);
    expect(await callOlder(client, 'esign.contract.order', order({ amount: '5' }))).toMatchObject({
      responseCode: '000',
      data: { result: true },
    });
    const numbered = order({ amount: 2, bizRequestNo: 'order-1' });
    expect(await callNewer(client, 'esign.contract.order', numbered)).toMatchObject({ code: '000' });
    expect(await callNewer(client, 'esign.contract.order', numbered)).toMatchObject({ code: '000' });
    expect(await surplus()).toBe(7);
    expect(await callNewer(client, 'esign.contract.order', { ...numbered, amount: 3 })).toMatchObject({
      code: '400',
      msg: '参数bizRequestNo已用于其他订购，请核对或更换编号',
    });
    expect(await surplus()).toBe(7);
  });

  test.each([
    [order({ amount: 0 }), '参数amount应为1到1000000的整数'],
    [order({ amount: -3 }), '参数amount应为1到1000000的整数'],
    [order({ amount: '1000001' }), '参数amount应为1到1000000的整数'],
    [order({ amount: 1.5 }), '参数amount应为1到1000000的整数'],
    [order({ amount: undefined }), '参数amount不能为空'],
    [order({ public_estate_type: ' ' }), '参数public_estate_type不能为空'],
    [order({ etc_org_no: '0'.repeat(32) }), '参数etc_org_no对应的机构不存在，请核对机构编号'],
  ])('an order that cannot be is refused and adds nothing: %o', async (params, msg) => {
    await limitTo(4);
    expect(await callNewer(client, 'esign.contract.order', params)).toMatchObject({ code: '400', msg, data: null });
    expect(await surplus()).toBe(4);
  });

  test('no order takes a quota past what it may hold', async () => {
    await limitTo(2_000_000_000);
    expect(await callNewer(client, 'esign.contract.order', order())).toMatchObject({ code: '400' });
    expect(await surplus()).toBe(2_000_000_000);
  });

  test('orders and flows at once leave exactly what they should', async () => {
    await limitTo(10);
    const outcomes = await Promise.all([
      ...Array.from({ length: 10 }, attempt),
      ...Array.from({ length: 5 }, async () => (await callNewer(client, 'esign.contract.order', order())).code),
    ]);
    expect(outcomes.filter((outcome) => outcome === 'taken on' || outcome === '000')).toHaveLength(15);
    expect(await surplus()).toBe(25);
  });

  test('an operator sets, adds to and lifts a quota of an application that exists', async () => {
    expect(await quotas.set({ appId, contracts: 3, actor: 'operator' })).toEqual({ kind: 'limited', contracts: 3 });
    expect(await quotas.add({ appId, contracts: 4, actor: 'operator' })).toEqual({ kind: 'limited', contracts: 7 });
    expect(await quotas.set({ appId, contracts: null, actor: 'operator' })).toEqual({ kind: 'unlimited' });
    const stranger = { appId: 'A'.repeat(16), contracts: 3, actor: 'operator' };
    await expect(quotas.set(stranger)).rejects.toMatchObject({ code: 'app_not_found' });
    await expect(quotas.set({ appId, contracts: -1, actor: 'operator' })).rejects.toMatchObject({
      code: 'contract_quota_invalid',
    });
  });
});
