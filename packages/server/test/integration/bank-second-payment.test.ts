import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { listAudit } from '../../src/audit/index.ts';
import { camt054, bytes, type PaidLine } from '../support/bank-fixture.ts';
import { CHANNEL, COMPANY, START, startIdentity, type IdentityService } from '../support/identity-service.ts';

let service: IdentityService;
beforeAll(async () => {
  service = await startIdentity();
});
afterAll(() => service.stop());
beforeEach(() => service.clock.set(START));

let references = 0;
const reference = (): string => `SECOND${(references += 1).toString().padStart(6, '0')}`;
const processOf = async (flowId: string): Promise<unknown> =>
  ((await service.process(flowId))['data'] as { process: unknown }).process;
const pay = async (subAccountNo: string, bizFlowNo: string, payerName = COMPANY.name): Promise<void> =>
  service.pay({ subAccountNo, bizFlowNo, payerName });
const takeBack = async (subAccountNo: string, bizFlowNo: string): Promise<void> =>
  service.pay({ subAccountNo, bizFlowNo, reversal: true });
const actions = async (flowId: string): Promise<string[]> => {
  const filter = { appId: service.appId, subject: `verification:${flowId}`, limit: 20 };
  return (await listAudit(service.database.db, filter)).map(({ action }) => action).toReversed();
};

test('a second good payment after the reversal of the first verifies', async () => {
  const { flowId, subAccountNo } = await service.orderedFlow();
  const [first, second] = [reference(), reference()];
  await pay(subAccountNo, first);
  await takeBack(subAccountNo, first);
  expect(await processOf(flowId)).toBe('PAY_FAILED');
  await pay(subAccountNo, second);
  expect(await processOf(flowId)).toBe('ORGANFINISHED');
});

test('a second good payment that came before the reversal of the first stands in: the company stays verified', async () => {
  const { flowId, subAccountNo } = await service.orderedFlow();
  const [first, second] = [reference(), reference()];
  await pay(subAccountNo, first);
  const told = (await service.told()).length;
  await pay(subAccountNo, second);
  await takeBack(subAccountNo, first);
  expect(await processOf(flowId)).toBe('ORGANFINISHED');
  expect(await service.told()).toHaveLength(told);
  expect((await actions(flowId)).slice(-2)).toEqual(['verification.verify', 'verification.replace_payment']);
  // The one that it stands on now is taken back too.
  await takeBack(subAccountNo, second);
  expect(await processOf(flowId)).toBe('PAY_FAILED');
});

test('the reversal of a second payment leaves the first as it is', async () => {
  const { flowId, subAccountNo } = await service.orderedFlow();
  const [first, second] = [reference(), reference()];
  await pay(subAccountNo, first);
  await pay(subAccountNo, second);
  await takeBack(subAccountNo, second);
  expect(await processOf(flowId)).toBe('ORGANFINISHED');
  await takeBack(subAccountNo, first);
  expect(await processOf(flowId)).toBe('PAY_FAILED');
});

test.each([
  ['another payer', '北京白云贸易有限公司', 'PAY_FAILED', 0],
  ['a near payer, which an operator then sees', `${COMPANY.name}上海分公司`, 'PAY_FAILED', 1],
])('a second payment of %s does not stand in', async (_name, payer, process, reviews) => {
  const before = (await service.bank.listReviews({ state: 'open' })).length;
  const { flowId, subAccountNo } = await service.orderedFlow();
  const first = reference();
  await pay(subAccountNo, first);
  await pay(subAccountNo, reference(), payer);
  await takeBack(subAccountNo, first);
  expect(await processOf(flowId)).toBe(process);
  expect(await service.bank.listReviews({ state: 'open' })).toHaveLength(before + reviews);
});

test('first, second and reversal of the first in one file, in any order, leave the company verified', async () => {
  const { flowId, subAccountNo: to } = await service.orderedFlow();
  const [first, second] = [reference(), reference()];
  const at = '2026-11-21T17:00:00';
  const lines: PaidLine[] = [
    { to, at, payer: COMPANY.name, reference: first, direction: 'DBIT', reversal: true },
    { to, at, payer: COMPANY.name, reference: second },
    { to, at, payer: COMPANY.name, reference: first },
  ];
  const input = { channel: CHANNEL, fileName: 'x', format: 'camt054', actor: 'operator' } as const;
  await service.bank.importStatement({ ...input, content: bytes(camt054(lines)) });
  expect(await processOf(flowId)).toBe('ORGANFINISHED');
});

test('a second good payment stands in for one that waits for its letter', async () => {
  const { flowId, subAccountNo } = await service.orderedFlow();
  const { fileId } = await service.documents.storeFile({
    appId: service.appId,
    fileName: '授权书.pdf',
    bytes: Buffer.from('%PDF-1.7\n%%EOF\n'),
  });
  const path = `/v2/identity/auth/pub/organization/${flowId}/reversePayment`;
  await service.call('POST', path, { authLetterFileId: fileId });
  const [first, second] = [reference(), reference()];
  await pay(subAccountNo, first);
  await pay(subAccountNo, second);
  await takeBack(subAccountNo, first);
  expect(await service.identity.show({ flowId })).toMatchObject({ state: 'open', process: 'CREATED' });
  await service.identity.acceptLetter({ appId: service.appId, flowId, reason: '已核', actor: 'operator' });
  expect(await processOf(flowId)).toBe('ORGANFINISHED');
  await takeBack(subAccountNo, second);
  expect(await processOf(flowId)).toBe('PAY_FAILED');
});

test('a payment that was made before the flow had its number stands in for none', async () => {
  const { flowId, subAccountNo: to } = await service.orderedFlow();
  const first = reference();
  await pay(to, first);
  const early = { to, at: '2026-11-20T17:00:00', payer: COMPANY.name, reference: reference() };
  const input = { channel: CHANNEL, fileName: 'x', format: 'camt054', actor: 'operator' } as const;
  expect(await service.bank.importStatement({ ...input, content: bytes(camt054([early])) })).toMatchObject({
    unclaimed: 1,
  });
  await takeBack(to, first);
  expect(await processOf(flowId)).toBe('PAY_FAILED');
});

test('the second payment and the reversal of the first at the same time, many times: the company is verified in the end', async () => {
  const rounds = 20;
  for (let round = 0; round < rounds; round += 1) {
    const { flowId, subAccountNo } = await service.orderedFlow();
    const [first, second] = [reference(), reference()];
    await pay(subAccountNo, first);
    await Promise.all([takeBack(subAccountNo, first), pay(subAccountNo, second)]);
    expect(await processOf(flowId)).toBe('ORGANFINISHED');
  }
});
