import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listAudit } from '../../src/audit/index.ts';
import {
  COMPANY,
  DAY_MS,
  MAIN,
  MINUTE_MS,
  START,
  startIdentity,
  type IdentityService,
} from '../support/identity-service.ts';

let service: IdentityService;
beforeAll(async () => {
  service = await startIdentity();
});
afterAll(() => service.stop());

const PUB = '/v2/identity/auth/pub/organization';

/** Seed 001's keys in the order of its sample. */
const KEYS = [
  'process',
  'subAccount',
  'subAccountChannelName',
  'mainAccountName',
  'oppAccountNo',
  'oppAccountName',
  'oppBankName',
  'payAmount',
  'tradeTime',
  'createTime',
  'modifyTime',
  'message',
  'bizFlowNo',
  'auditing',
  'authLetterAuditStatus',
];
const NOTHING = Object.fromEntries(KEYS.map((key) => [key, null]));
const receiving = (subAccountNo: string) => ({
  subAccount: subAccountNo,
  subAccountChannelName: MAIN.mainAccountBank,
  mainAccountName: MAIN.mainAccountName,
});
const success = (data: unknown) => ({ code: 0, message: '成功', data });
const PAYER = {
  oppAccountNo: '1105011111111000018',
  oppAccountName: COMPANY.name,
  oppBankName: '中国建设银行股份有限公司北京西三旗支行',
};
const compact = (at: Date) => new Date(at.getTime() + 8 * 3_600_000).toISOString().replaceAll(/\D/g, '').slice(0, 14);

describe('reversePaymentProcess (seed 001)', () => {
  it('goes from INIT over CREATED and UN_RECEIVED to ORGANFINISHED, the whole answer told each time', async () => {
    const flowId = await service.newFlow();
    expect(await service.process(flowId)).toStrictEqual(success({ ...NOTHING, process: 'INIT' }));

    service.clock.pass(MINUTE_MS);
    const orderedAt = service.clock.now();
    const order = await service.call('POST', `${PUB}/${flowId}/reversePayment`);
    const { subAccountNo } = order.json['data'] as { subAccountNo: string };
    expect(subAccountNo).toMatch(/^30206857\d{6}$/);
    const { mainAccountName, mainAccountBank } = MAIN;
    expect(order.json).toStrictEqual(
      success({ mainAccountName, subAccountNo, mainAccountBank, paymentAmount: '0.01' }),
    );
    expect(await service.process(flowId)).toStrictEqual(
      success({ ...NOTHING, process: 'CREATED', ...receiving(subAccountNo) }),
    );

    service.clock.pass(MINUTE_MS);
    await service.askBank();
    expect(await service.process(flowId)).toStrictEqual(
      success({
        ...NOTHING,
        process: 'UN_RECEIVED',
        ...receiving(subAccountNo),
        payAmount: 'null',
        message: '无对应打款信息',
      }),
    );

    service.clock.pass(MINUTE_MS);
    const paidAt = service.clock.now();
    await service.pay({ subAccountNo, bizFlowNo: '218540111110042471328' });
    const finished = await service.process(flowId);
    expect(finished).toStrictEqual(
      success({
        process: 'ORGANFINISHED',
        ...receiving(subAccountNo),
        ...PAYER,
        payAmount: '0.01',
        tradeTime: compact(paidAt),
        createTime: String(orderedAt.getTime()),
        modifyTime: String(paidAt.getTime()),
        message: null,
        bizFlowNo: '218540111110042471328',
        auditing: null,
        authLetterAuditStatus: null,
      }),
    );
    expect(Object.keys(finished['data'] as object)).toEqual(KEYS);
    // Everything is a string or null, money too.
    for (const value of Object.values(finished['data'] as object)) {
      expect(value === null || typeof value === 'string').toBe(true);
    }
  });

  it('answers ORGANFINISHED for ever, and no further payment changes it', async () => {
    const { flowId, subAccountNo } = await service.orderedFlow();
    await service.pay({ subAccountNo });
    const first = await service.process(flowId);
    await service.pay({ subAccountNo });
    service.clock.pass(400 * DAY_MS);
    await service.identity.sweep();
    expect(await service.process(flowId)).toStrictEqual(first);
  });

  it.each([
    ['0.02 yuan', { amountFen: 2 }, '打款金额不正确，请使用企业对公账户重新打款0.01元', '0.02'],
    [
      'another company',
      { payerName: '上海明月贸易有限公司' },
      '付款账户名与企业名称不一致，请使用本企业对公账户重新打款0.01元',
      '0.01',
    ],
    ['a person', { payerName: '王小明' }, '付款账户为个人账户或清算账户，请使用本企业对公账户重新打款0.01元', '0.01'],
  ])(
    'says PAY_FAILED of a payment of %s, and a right one to the same number still verifies',
    async (_, wrong, message, payAmount) => {
      const { flowId, subAccountNo } = await service.orderedFlow();
      const at = service.clock.now();
      await service.pay({ subAccountNo, bizFlowNo: `W${flowId}`, ...wrong });
      expect(await service.process(flowId)).toStrictEqual(
        success({
          process: 'PAY_FAILED',
          ...receiving(subAccountNo),
          ...PAYER,
          oppAccountName: 'payerName' in wrong ? wrong.payerName : COMPANY.name,
          payAmount,
          tradeTime: compact(at),
          createTime: String(at.getTime()),
          modifyTime: String(at.getTime()),
          message,
          bizFlowNo: `W${flowId}`,
          auditing: null,
          authLetterAuditStatus: null,
        }),
      );
      await service.pay({ subAccountNo, bizFlowNo: `R${flowId}` });
      expect((await service.process(flowId))['data']).toMatchObject({
        process: 'ORGANFINISHED',
        payAmount: '0.01',
        message: null,
        bizFlowNo: `R${flowId}`,
      });
    },
  );

  it('a payer with full-width brackets is the company with half-width ones', async () => {
    const name = '易楼(北京)房地产经纪有限公司';
    const { flowId, subAccountNo } = await service.orderedFlow({ name });
    await service.pay({ subAccountNo, payerName: '易楼（北京）房地产经纪有限公司' });
    expect((await service.process(flowId))['data']).toMatchObject({ process: 'ORGANFINISHED' });
  });

  it('a near miss waits for an operator; who accepts it verifies, and the reason is in the audit', async () => {
    const { flowId, subAccountNo } = await service.orderedFlow();
    const at = service.clock.now();
    await service.pay({ subAccountNo, payerName: '北京易楼房地产经纪有限责任公司', bizFlowNo: `N${flowId}` });
    const waiting = {
      process: 'PAY_FAILED',
      ...receiving(subAccountNo),
      ...PAYER,
      oppAccountName: '北京易楼房地产经纪有限责任公司',
      payAmount: '0.01',
      tradeTime: compact(at),
      createTime: String(at.getTime()),
      modifyTime: String(at.getTime()),
      message: '付款账户名与企业名称不完全一致，已转人工核对，请等待核对结果或重新打款0.01元',
      bizFlowNo: `N${flowId}`,
      auditing: null,
      authLetterAuditStatus: null,
    };
    expect(await service.process(flowId)).toStrictEqual(success(waiting));
    const review = (await service.bank.listReviews({ state: 'open' })).find((row) => row.flowId === flowId);
    const decision = { transactionId: review!.transactionId, decision: 'accept' as const };
    await service.bank.resolveReview({ ...decision, reason: '工商变更记录已核对', actor: 'operator' });
    expect(await service.process(flowId)).toStrictEqual(
      success({ ...waiting, process: 'ORGANFINISHED', message: null }),
    );
  });

  it('the same line twice is one payment', async () => {
    const { flowId, subAccountNo } = await service.orderedFlow();
    const line = { subAccountNo, bizFlowNo: `T${flowId}` };
    await service.pay(line);
    const first = await service.process(flowId);
    service.clock.pass(MINUTE_MS);
    await service.pay(line);
    expect(await service.process(flowId)).toStrictEqual(first);
    const entries = await listAudit(service.database.db, {
      appId: service.appId,
      subject: `verification:${flowId}`,
      limit: 20,
    });
    expect(entries.map((entry) => entry.action)).toEqual([
      'verification.verify',
      'verification.order_payment',
      'verification.start',
    ]);
  });

  it('two flows of one company have two numbers, and a payment ends the one it was for', async () => {
    const a = await service.orderedFlow();
    const b = await service.orderedFlow();
    expect(a.subAccountNo).not.toBe(b.subAccountNo);
    await service.pay({ subAccountNo: b.subAccountNo });
    expect((await service.process(a.flowId))['data']).toMatchObject({ process: 'CREATED' });
    expect((await service.process(b.flowId))['data']).toMatchObject({ process: 'ORGANFINISHED' });
  });

  it('a payment before the flow exists is nobody’s', async () => {
    const first = await service.orderedFlow();
    const next = String(Number(first.subAccountNo) + 1);
    await service.pay({ subAccountNo: next, bizFlowNo: 'EARLY' });
    service.clock.pass(60 * MINUTE_MS);
    const { flowId, subAccountNo } = await service.orderedFlow();
    expect(subAccountNo).toBe(next);
    expect((await service.process(flowId))['data']).toMatchObject({ process: 'CREATED', bizFlowNo: null });
    // Brought once more by a statement that overlaps, it is still what it was.
    await service.pay({ subAccountNo: next, bizFlowNo: 'EARLY' });
    expect((await service.process(flowId))['data']).toMatchObject({ process: 'CREATED', bizFlowNo: null });
  });

  it('a payment to an expired flow verifies nobody', async () => {
    const { flowId, subAccountNo } = await service.orderedFlow();
    service.clock.pass(7 * DAY_MS);
    await service.pay({ subAccountNo });
    await service.identity.sweep();
    await service.pay({ subAccountNo });
    const answer = await service.process(flowId);
    expect(answer).toStrictEqual({ code: 30500003, message: '认证流程已失效，请重新发起认证', data: null });
    const detail = await service.call('GET', `/v2/identity/auth/api/common/${flowId}/detail`);
    const ended = service.clock.now().getTime();
    expect(detail.json).toStrictEqual(
      success({
        flowId,
        status: 'FAIL',
        objectType: 'ORGANIZATION',
        authType: 'ORGANIZATION_REVERSE_PAYMENT',
        startTime: ended - 7 * DAY_MS,
        endTime: ended,
        failReason: '认证流程已失效，未在有效期内完成认证',
        organInfo: {
          accountId: null,
          name: COMPANY.name,
          certNo: COMPANY.orgCode,
          certType: 'ORGANIZATION_USC_CODE',
          legalRepName: COMPANY.legalRepName,
          legalRepNationality: null,
          legalRepCertNo: null,
          legalRepCertType: null,
        },
        indivInfo: null,
      }),
    );
  });

  it('a reversal opens the case again, and the company may pay once more', async () => {
    const { flowId, subAccountNo } = await service.orderedFlow();
    await service.pay({ subAccountNo, bizFlowNo: `P${flowId}` });
    const verified = await service.process(flowId);
    expect(verified['data']).toMatchObject({ process: 'ORGANFINISHED' });
    service.clock.pass(DAY_MS);
    await service.pay({ subAccountNo, bizFlowNo: `P${flowId}`, reversal: true });
    expect(await service.process(flowId)).toStrictEqual(
      success({
        ...(verified['data'] as object),
        process: 'PAY_FAILED',
        message: '打款已被银行冲正或退回，请重新打款0.01元',
      }),
    );
    await service.pay({ subAccountNo, bizFlowNo: `Q${flowId}` });
    expect((await service.process(flowId))['data']).toMatchObject({
      process: 'ORGANFINISHED',
      bizFlowNo: `Q${flowId}`,
    });
  });
});

describe('reversePayment', () => {
  it('answers the same number when it is asked again', async () => {
    const { flowId, subAccountNo } = await service.orderedFlow();
    const again = await service.call('POST', `${PUB}/${flowId}/reversePayment`, {});
    expect(again.json['data']).toMatchObject({ subAccountNo });
  });

  it('twenty requests at once give one number', async () => {
    const flowId = await service.newFlow();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => service.call('POST', `${PUB}/${flowId}/reversePayment`, {})),
    );
    const numbers = answers.map((answer) => (answer.json['data'] as { subAccountNo: string }).subAccountNo);
    expect(new Set(numbers).size).toBe(1);
  });
});

describe('detail and outline', () => {
  it('tell a flow from its beginning to its end', async () => {
    const at = service.clock.now().getTime();
    const created = await service.call('POST', '/v2/identity/auth/api/organization/enterprise/fourFactors', {
      ...COMPANY,
      legalRepIdNo: '11010519491231002X',
      contextId: 'ctx-1',
      agentFlowId: '42',
    });
    const { flowId } = created.json['data'] as { flowId: string };
    expect(flowId).toMatch(/^\d{19}$/);
    const detailOf = () => service.call('GET', `/v2/identity/auth/api/common/${flowId}/detail`);
    const outlineOf = () => service.call('GET', `/v2/identity/auth/api/common/${flowId}/outline`);
    const organInfo = {
      accountId: null,
      name: COMPANY.name,
      certNo: COMPANY.orgCode,
      certType: 'ORGANIZATION_USC_CODE',
      legalRepName: COMPANY.legalRepName,
      legalRepNationality: null,
      legalRepCertNo: '110***********002X',
      legalRepCertType: 'INDIVIDUAL_CH_IDCARD',
    };
    const detail = {
      flowId,
      status: 'INIT',
      objectType: 'ORGANIZATION',
      authType: null,
      startTime: at,
      endTime: null,
      failReason: null,
      organInfo,
      indivInfo: null,
    };
    expect((await detailOf()).json).toStrictEqual(success(detail));
    const factors = { subFlowId: `${flowId}1`, subFlowType: 'ORGANIZATION_INFO_AUTH', status: 'SUCCESS' };
    const relatedFlows = [{ flowId: '42', flowStatus: null, objectType: 'INDIVIDUAL' }];
    const outline = {
      flowId,
      flowStatus: 'INIT',
      objectType: 'ORGANIZATION',
      contextId: 'ctx-1',
      failReason: null,
      createTime: at,
      modifyTime: at,
      subFlows: [factors],
      relatedFlows,
    };
    expect((await outlineOf()).json).toStrictEqual(success(outline));

    const order = await service.call('POST', `${PUB}/${flowId}/reversePayment`, {});
    const authType = 'ORGANIZATION_REVERSE_PAYMENT';
    const payment = { subFlowId: `${flowId}2`, subFlowType: authType };
    expect((await detailOf()).json).toStrictEqual(success({ ...detail, status: 'ING', authType }));
    expect((await outlineOf()).json).toStrictEqual(
      success({ ...outline, flowStatus: 'ING', subFlows: [factors, { ...payment, status: 'ING' }] }),
    );
    service.clock.pass(MINUTE_MS);
    const end = service.clock.now().getTime();
    await service.pay({ subAccountNo: (order.json['data'] as { subAccountNo: string }).subAccountNo });
    expect((await detailOf()).json).toStrictEqual(success({ ...detail, status: 'SUCCESS', authType, endTime: end }));
    expect((await outlineOf()).json).toStrictEqual(
      success({
        ...outline,
        flowStatus: 'SUCCESS',
        modifyTime: end,
        subFlows: [factors, { ...payment, status: 'SUCCESS' }],
      }),
    );
  });
});

describe('ids', () => {
  it('are decimal and fit a signed 64-bit integer', async () => {
    const flowId = await service.newFlow();
    expect(BigInt(flowId)).toBeLessThan(2n ** 63n);
    expect(START.getTime()).toBeGreaterThan(0);
  });
});
