import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMPANY, DAY_MS, startIdentity, type IdentityService } from '../support/identity-service.ts';

let service: IdentityService;
beforeAll(async () => {
  service = await startIdentity();
});
afterAll(() => service.stop());

const PUB = '/v2/identity/auth/pub/organization';
const TRANSFER = {
  bank: '平安银行',
  province: '浙江',
  city: '杭州市',
  subbranch: '平安银行杭州高新支行',
  cardNo: '11003491675702',
  cnapsCode: '307331002584',
};
const success = (data: unknown) => ({ code: 0, message: '成功', data });
const refusal = (code: number, message: string) => ({ code, message, data: null });

const ask = async (flowId: string, changed: object = {}) =>
  (await service.call('PUT', `${PUB}/${flowId}/transferRandomAmount`, { ...TRANSFER, ...changed })).json;
const tell = async (flowId: string, amount: unknown) =>
  (await service.call('PUT', `${PUB}/${flowId}/verifyRandomAmount`, { amount })).json;
const process = async (flowId: string) => (await service.call('GET', `${PUB}/${flowId}/transferProcess`)).json;

async function askedFlow(): Promise<{ flowId: string; orderId: string; fen: number }> {
  const flowId = await service.newFlow();
  expect(await ask(flowId)).toStrictEqual(success(null));
  const order = await service.bank.orderOf(service.database.db, { appId: service.appId, flowId });
  return { flowId, orderId: order!.orderId, fen: order!.amountFen };
}

const pay = (orderId: string) =>
  service.bank.confirmOrder({ orderId, outcome: { state: 'paid', bizFlowNo: `OUT-${orderId}` }, actor: 'operator' });

async function paidFlow(): Promise<{ flowId: string; fen: number }> {
  const { flowId, orderId, fen } = await askedFlow();
  await pay(orderId);
  return { flowId, fen };
}

const yuan = (fen: number) => fen / 100;
const other = (fen: number) => (fen === 99 ? 98 : fen + 1);

describe('the way of a random amount', () => {
  it('from INIT over PAID and PAID_SUCCESS to ORGANFINISHED, the whole answer told each time', async () => {
    const flowId = await service.newFlow();
    const nothing = {
      message: null,
      cardNo: null,
      subbranch: null,
      bankName: null,
      cnapsCode: null,
      province: null,
      city: null,
      remain: 0,
      remainTimes: 10,
      bizFlowNo: null,
    };
    expect(await process(flowId)).toStrictEqual(success({ process: 'INIT', ...nothing }));

    expect(await ask(flowId)).toStrictEqual(success(null));
    const asked = {
      cardNo: '1100******5702',
      subbranch: '平安银行杭州高新支行',
      bankName: '平安银行',
      cnapsCode: '307331002584',
      province: '浙江',
      city: '杭州市',
      remain: 0,
      remainTimes: 9,
    };
    expect(await process(flowId)).toStrictEqual(
      success({ process: 'PAID', message: '打款申请成功', ...asked, bizFlowNo: null }),
    );

    const order = (await service.bank.orderOf(service.database.db, { appId: service.appId, flowId }))!;
    const outcome = { state: 'paid', bizFlowNo: 'OUT1' } as const;
    await service.bank.confirmOrder({ orderId: order.orderId, outcome, actor: 'operator' });
    expect(await process(flowId)).toStrictEqual(
      success({
        process: 'PAID_SUCCESS',
        message: '打款成功，请在7天内回填收到的金额',
        ...asked,
        bizFlowNo: 'OUT1',
      }),
    );

    expect(await tell(flowId, yuan(order.amountFen))).toStrictEqual(success(null));
    expect(await process(flowId)).toStrictEqual(
      success({
        process: 'ORGANFINISHED',
        message: '打款金额校验成功，企业认证完成',
        ...asked,
        bizFlowNo: 'OUT1',
      }),
    );
    // Seed 001's query of a flow that was verified in the other way.
    const reverse = await service.process(flowId);
    expect(reverse['data']).toMatchObject({ process: 'ORGANFINISHED', message: '流程已结束', payAmount: null });
    const detail = await service.call('GET', `/v2/identity/auth/api/common/${flowId}/detail`);
    expect(detail.json['data']).toMatchObject({ status: 'SUCCESS', authType: 'ORGANIZATION_TRANSFER_RANDOM_AMOUNT' });
    const outline = await service.call('GET', `/v2/identity/auth/api/common/${flowId}/outline`);
    expect(outline.json['data']).toMatchObject({
      subFlows: [{}, { subFlowType: 'ORGANIZATION_TRANSFER_RANDOM_AMOUNT', status: 'SUCCESS' }],
    });
  });

  it('an amount that the bank has not sent yet is guessed: the right one verifies no one, and no miss is counted', async () => {
    const { flowId, orderId, fen } = await askedFlow();
    const missing = refusal(30502013, '没有可校验的打款，请重新发起打款');
    expect(await tell(flowId, yuan(other(fen)))).toStrictEqual(missing);
    expect(await tell(flowId, yuan(fen))).toStrictEqual(missing);
    await pay(orderId);
    expect(await tell(flowId, yuan(fen))).toStrictEqual(success(null));
  });

  it('three misses are borne, the fourth fails the flow', async () => {
    const { flowId, fen } = await paidFlow();
    for (const remaining of [3, 2, 1]) {
      expect(await tell(flowId, yuan(other(fen)))).toStrictEqual(
        refusal(30502002, `金额校验失败，请核实收到的金额，还可校验${remaining}次`),
      );
    }
    expect(await tell(flowId, yuan(other(fen)))).toStrictEqual(
      refusal(30502003, '验证次数超过限制，认证流程已失败，请重新发起认证'),
    );
    expect(await tell(flowId, yuan(fen))).toStrictEqual(refusal(30500002, '认证流程已结束，请重新发起认证流程'));
    const detail = await service.call('GET', `/v2/identity/auth/api/common/${flowId}/detail`);
    expect(detail.json['data']).toMatchObject({ status: 'FAIL', failReason: '打款金额校验失败次数超过限制' });
  });

  it('three misses and then the right amount verify', async () => {
    const { flowId, fen } = await paidFlow();
    for (let misses = 0; misses < 3; misses += 1) await tell(flowId, yuan(other(fen)));
    expect(await tell(flowId, yuan(fen).toFixed(2))).toStrictEqual(success(null));
  });

  it('forty guesses at once are counted one by one: no more than four are looked at', async () => {
    const { flowId, fen } = await paidFlow();
    const answers = await Promise.all(Array.from({ length: 40 }, () => tell(flowId, yuan(other(fen)))));
    const counted = (code: number) => answers.filter((answer) => answer['code'] === code).length;
    expect([counted(30502002), counted(30502003), counted(30500002)]).toEqual([3, 1, 36]);
  });

  it('after seven days the amount is no longer taken, and another transfer may be asked for', async () => {
    const { flowId, fen } = await paidFlow();
    service.clock.pass(7 * DAY_MS);
    expect(await tell(flowId, yuan(fen))).toStrictEqual(refusal(30502014, '回填金额已过时效性，请重新发起打款'));
    expect(await ask(flowId)).toStrictEqual(success(null));
    const order = await service.bank.orderOf(service.database.db, { appId: service.appId, flowId });
    await pay(order!.orderId);
    expect(await tell(flowId, yuan(order!.amountFen))).toStrictEqual(success(null));
  });

  it('a transfer that the bank could not make, and none at all: 30502013', async () => {
    const missing = refusal(30502013, '没有可校验的打款，请重新发起打款');
    const flowId = await service.newFlow();
    expect(await tell(flowId, 0.5)).toStrictEqual(missing);
    await ask(flowId);
    const order = (await service.bank.orderOf(service.database.db, { appId: service.appId, flowId }))!;
    const outcome = { state: 'failed', reason: '账号不存在' } as const;
    await service.bank.confirmOrder({ orderId: order.orderId, outcome, actor: 'operator' });
    expect(await process(flowId)).toStrictEqual(
      success({
        process: 'PAID_FAILED',
        message: '打款失败：账号不存在',
        cardNo: '1100******5702',
        subbranch: '平安银行杭州高新支行',
        bankName: '平安银行',
        cnapsCode: '307331002584',
        province: '浙江',
        city: '杭州市',
        remain: 0,
        remainTimes: 9,
        bizFlowNo: null,
      }),
    );
    expect(await tell(flowId, yuan(order.amountFen))).toStrictEqual(missing);
  });

  it('ten transfers at most', async () => {
    const flowId = await service.newFlow();
    for (let times = 0; times < 10; times += 1) expect((await ask(flowId))['code']).toBe(0);
    expect(await ask(flowId)).toStrictEqual(refusal(30500052, '打款次数已达上限，请使用其他方式认证'));
  });
});

describe('parameters', () => {
  it.each([
    [undefined, 30500100, '缺少参数:amount，请核实参数是否传入正确'],
    [0, 30500101, '参数错误:amount应为0.01至0.99之间的金额'],
    [1, 30500101, '参数错误:amount应为0.01至0.99之间的金额'],
    [0.005, 30500101, '参数错误:amount应为0.01至0.99之间的金额'],
    [-0.5, 30500101, '参数错误:amount应为0.01至0.99之间的金额'],
    ['0.5元', 30500101, '参数错误:amount应为0.01至0.99之间的金额'],
  ])('amount %s', async (amount, code, message) => {
    const { flowId } = await askedFlow();
    expect(await tell(flowId, amount)).toStrictEqual(refusal(code, message));
  });

  it('a card number of letters, a CNAPS code too short, a missing branch', async () => {
    const flowId = await service.newFlow();
    expect(await ask(flowId, { cardNo: '6222abc' })).toStrictEqual(
      refusal(30500101, '参数错误:cardNo应为6至32位数字的对公账号'),
    );
    expect(await ask(flowId, { cnapsCode: '12345' })).toStrictEqual(
      refusal(30500101, '参数错误:cnapsCode应为12位数字的联行号'),
    );
    expect(await ask(flowId, { subbranch: '' })).toStrictEqual(
      refusal(30500100, '缺少参数:subbranch，请核实参数是否传入正确'),
    );
  });
});

describe('subbranch', () => {
  const search = async (query: string) => {
    const flowId = await service.newFlow(COMPANY);
    return (await service.call('GET', `${PUB}/${flowId}/subbranch?${query}`)).json;
  };

  it('finds head offices that come with the service, and branches that the operator imported first', async () => {
    expect(await search('keyWord=平安银行')).toStrictEqual(
      success({
        list: [
          { bankName: '平安银行总行', bank: '平安银行', cnapsCode: '307584007998', city: '深圳市', province: '广东' },
        ],
      }),
    );
    const csv = Buffer.from(
      '联行号,支行名称,总行名称,省份,城市\n307331002584,平安银行杭州高新支行,平安银行,浙江,杭州市\n',
    );
    expect(await service.identity.importSubbranches({ csv, actor: 'operator' })).toEqual({ subbranches: 1 });
    const found = (await search('keyWord=平安银行'))['data'] as { list: { cnapsCode: string }[] };
    expect(found.list.map((row) => row.cnapsCode)).toEqual(['307331002584', '307584007998']);
    expect(await search('cnapsCode=307331002584')).toStrictEqual(
      success({
        list: [
          {
            bankName: '平安银行杭州高新支行',
            bank: '平安银行',
            cnapsCode: '307331002584',
            city: '杭州市',
            province: '浙江',
          },
        ],
      }),
    );
    expect(await search('keyWord=%')).toStrictEqual(success({ list: [] }));
  });

  it('needs one of keyWord and cnapsCode', async () => {
    expect(await search('')).toStrictEqual(refusal(30500100, '缺少参数:keyWord，请核实参数是否传入正确'));
    expect(await search('cnapsCode=12')).toStrictEqual(refusal(30500101, '参数错误:cnapsCode应为12位数字的联行号'));
  });
});
