import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CHANNEL, DAY_MS, MAIN, startIdentity, type IdentityService } from '../support/identity-service.ts';
import type { TsignAnswer } from '../support/tsign-client.ts';

const NUMBER = '40206857000001';
const KEPT_DAYS = 7;
const COOL_DOWN_DAYS = 30;

let service: IdentityService;
beforeAll(async () => {
  service = await startIdentity({ channel: false });
  await service.bank.setChannel({
    channel: CHANNEL,
    ...MAIN,
    numbers: { kind: 'pool' },
    addNumbers: [NUMBER],
    coolDownDays: COOL_DOWN_DAYS,
    sandbox: true,
    actor: 'operator',
  });
});
afterAll(() => service.stop());

const order = async (flowId: string): Promise<TsignAnswer> =>
  service.call('POST', `/v2/identity/auth/pub/organization/${flowId}/reversePayment`, {});
const orderNew = async (): Promise<{ flowId: string; answer: TsignAnswer }> => {
  const flowId = await service.newFlow();
  return { flowId, answer: await order(flowId) };
};
const processOf = async (flowId: string): Promise<unknown> =>
  ((await service.process(flowId))['data'] as { process: unknown }).process;

test('the one number of a pool: taken, kept, cooling down and given out again, as the e签宝 API tells it', async () => {
  const first = await orderNew();
  expect(first.answer.json).toMatchObject({ code: 0, data: { subAccountNo: NUMBER } });
  expect((await order(first.flowId)).json).toEqual(first.answer.json);

  const refused = await orderNew();
  expect(refused.answer.json).toEqual({ code: 30500000, message: expect.stringMatching(/^操作出错/), data: null });
  expect(await processOf(refused.flowId)).toBe('INIT');
  expect(JSON.stringify(service.log)).toContain('sub_accounts_exhausted');

  // Nobody paid the first flow; its number cools down, and a payment for it that comes late is nobody's.
  service.clock.pass(KEPT_DAYS * DAY_MS);
  await service.identity.sweep();
  await service.pay({ subAccountNo: NUMBER, bizFlowNo: 'LATE0001' });
  expect((await orderNew()).answer.json).toMatchObject({ code: 30500000 });
  const [late] = await service.bank.listPayments();
  expect(late).toMatchObject({ transaction: { bizFlowNo: 'LATE0001' }, verdict: { kind: 'unclaimed' }, claim: null });

  service.clock.pass(COOL_DOWN_DAYS * DAY_MS);
  const second = await orderNew();
  expect(second.answer.json).toMatchObject({ code: 0, data: { subAccountNo: NUMBER } });
  // What came in the cool-down is not the next flow's, told again either, nor when that flow's own payment is taken back.
  await service.pay({ subAccountNo: NUMBER, bizFlowNo: 'LATE0001' });
  expect(await processOf(second.flowId)).toBe('CREATED');
  await service.pay({ subAccountNo: NUMBER, bizFlowNo: 'OWN00001' });
  expect(await processOf(second.flowId)).toBe('ORGANFINISHED');
  await service.pay({ subAccountNo: NUMBER, bizFlowNo: 'OWN00001', reversal: true });
  expect(await processOf(second.flowId)).toBe('PAY_FAILED');
});

test('two flows of one company that ask for the last number at once: one gets it', async () => {
  await service.bank.setChannel({ channel: CHANNEL, addNumbers: ['40206857000002'], actor: 'operator' });
  const flows = [await service.newFlow(), await service.newFlow()];
  const answers = await Promise.all(flows.map(order));
  expect(answers.map(({ json }) => json['code']).toSorted((a, b) => Number(a) - Number(b))).toEqual([0, 30500000]);
  const { rows } = await sql`
    select 1 from bank_sub_account where sub_account_no = '40206857000002' and app_id is not null
  `.execute(service.database.db);
  expect(rows).toHaveLength(1);
});
