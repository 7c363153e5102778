import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMPANY, DAY_MS, RESIDENT_ID, startIdentity, type IdentityService } from '../support/identity-service.ts';

let service: IdentityService;
/** No bank channel, and a register that nobody filled. */
let bare: IdentityService;
beforeAll(async () => {
  [service, bare] = await Promise.all([startIdentity(), startIdentity({ channel: false, factorSource: 'register' })]);
});
afterAll(() => Promise.all([service.stop(), bare.stop()]));

const API = '/v2/identity/auth/api/organization';
const PUB = '/v2/identity/auth/pub/organization';
const FOUR = { ...COMPANY, legalRepIdNo: RESIDENT_ID };
const TRANSFER = {
  bank: '平安银行',
  province: '浙江',
  city: '杭州市',
  subbranch: '平安银行杭州高新支行',
  cardNo: '11003491675702',
  cnapsCode: '307331002584',
};

const refusal = (code: number, message: string) => ({ code, message, data: null });
const NOT_FOUND = refusal(30500004, '认证流程不存在，请核实当前流程id是否正确');
const ENDED = refusal(30500002, '认证流程已结束，请重新发起认证流程');
const EXPIRED = refusal(30500003, '认证流程已失效，请重新发起认证');

describe('what a flow is begun with', () => {
  it.each([
    ['no name', { name: undefined }, 30500103, '组织机构名称不能为空，请传入name'],
    ['an empty name', { name: ' ' }, 30500103, '组织机构名称不能为空，请传入name'],
    ['no orgCode', { orgCode: null }, 30500100, '缺少参数:orgCode，请核实参数是否传入正确'],
    ['no legalRepName', { legalRepName: '' }, 30500113, '组织机构法定代表人姓名不能为空，请传入legalRepName'],
    ['no legalRepIdNo', { legalRepIdNo: undefined }, 30500114, '组织机构法定代表人证件号不能为空，请传入legalRepIdNo'],
    ['spaces around the name', { name: `${COMPANY.name} ` }, 30500116, '格式校验不通过，请检查name是否有多余空格'],
    [
      'a space in the code',
      { orgCode: '91110105MA01 ABCD26' },
      30500116,
      '格式校验不通过，请检查orgCode是否有多余空格',
    ],
    [
      'a space in the legal name',
      { legalRepName: '王 小明' },
      30500116,
      '格式校验不通过，请检查legalRepName是否有多余空格',
    ],
    [
      'spaces in the ID number',
      { legalRepIdNo: `${RESIDENT_ID} ` },
      30500116,
      '格式校验不通过，请检查legalRepIdNo是否有多余空格',
    ],
    [
      'a wrong check character',
      { orgCode: '91110105MA01ABCD27' },
      30500101,
      '参数错误:orgCode校验位不正确，请核实参数是否传入正确',
    ],
    ['a code of another form', { orgCode: '123' }, 30500101, '参数错误:orgCode格式不正确，请核实参数是否传入正确'],
    [
      'a wrong ID check digit',
      { legalRepIdNo: '110105194912310021' },
      30500101,
      '参数错误:legalRepIdNo校验位不正确，请核实参数是否传入正确',
    ],
    ['a name that is a number', { name: 7 }, 30500101, '参数错误:name应为字符串'],
    ['a control character', { name: '北京\u0007公司' }, 30500101, '参数错误:name应为不含控制字符的文本'],
    ['a long name', { name: '易'.repeat(101) }, 30500101, '参数错误:name应为不超过100个字符的字符串'],
    [
      'an unknown document',
      { legalRepCertType: 'DRIVING_LICENCE' },
      30500101,
      '参数错误:legalRepCertType应为INDIVIDUAL_CH_IDCARD、INDIVIDUAL_CH_TWCARD、INDIVIDUAL_CH_HONGKONG_MACAO、INDIVIDUAL_PASSPORT之一',
    ],
    [
      'a notifyUrl that nothing may be sent to',
      { notifyUrl: 'http://10.0.0.1/x' },
      30500101,
      '参数错误:notifyUrl应为可访问的http(s)地址',
    ],
  ])('%s', async (_, changed, code, message) => {
    const answer = await service.call('POST', `${API}/enterprise/fourFactors`, { ...FOUR, ...changed });
    expect(answer.status).toBe(200);
    expect(answer.json).toStrictEqual(refusal(code, message));
  });

  it('takes passports and permits without the check digit of an identity card', async () => {
    const document = { legalRepIdNo: 'E12345678', legalRepCertType: 'INDIVIDUAL_PASSPORT' };
    const answer = await service.call('POST', `${API}/enterprise/fourFactors`, { ...FOUR, ...document });
    expect(answer.json).toMatchObject({ code: 0, data: { flowId: expect.stringMatching(/^\d{19}$/) } });
  });

  it('takes the 15 digits of an old registration number', async () => {
    const orgCode = '110108000012349';
    const answer = await service.call('POST', `${API}/threeFactors`, { ...COMPANY, orgCode });
    const { flowId } = answer.json['data'] as { flowId: string };
    const detail = await service.call('GET', `/v2/identity/auth/api/common/${flowId}/detail`);
    expect(detail.json['data']).toMatchObject({ organInfo: { certNo: orgCode, certType: 'ORGANIZATION_REG_CODE' } });
  });

  it('30504001 where the imported register says otherwise, 30504002 where there is no register to ask', async () => {
    const failed = await bare.call('POST', `${API}/threeFactors`, COMPANY);
    const [, id] = /^数据源查询失败，请联系服务人员处理，ID:([0-9a-f-]{36})$/.exec(String(failed.json['message']))!;
    expect(failed.json).toStrictEqual(refusal(30504002, `数据源查询失败，请联系服务人员处理，ID:${id}`));
    // The id finds the log line that tells why.
    expect(bare.log.filter((line) => line['id'] === id)).toMatchObject([
      { err: { message: 'no company register was imported' } },
    ]);

    const line = `${COMPANY.orgCode},${COMPANY.name},${COMPANY.legalRepName},${RESIDENT_ID},存续`;
    const closed = '91330108MA27X1Y2PR,杭州旧事贸易有限公司,李四,,注销';
    const csv = Buffer.from(`统一社会信用代码,企业名称,法定代表人,法定代表人证件号,登记状态\n${line}\n${closed}\n`);
    expect(await bare.identity.importRegister({ csv, actor: 'operator' })).toEqual({ companies: 2 });

    const three = async (changed: object) =>
      (await bare.call('POST', `${API}/threeFactors`, { ...COMPANY, ...changed })).json;
    expect(await three({})).toMatchObject({ code: 0 });
    expect(await three({ name: '上海明月贸易有限公司' })).toStrictEqual(
      refusal(30504001, '信息比对不通过，请检查name的正确性'),
    );
    expect(await three({ legalRepName: '李四' })).toStrictEqual(
      refusal(30504001, '信息比对不通过，请检查legalRepName的正确性'),
    );
    // A code that the register has not, and a company that is no more.
    expect(await three({ orgCode: '91310000MA1FL0KQ2H' })).toStrictEqual(
      refusal(30504001, '信息比对不通过，请检查orgCode的正确性'),
    );
    const old = { orgCode: '91330108MA27X1Y2PR', name: '杭州旧事贸易有限公司', legalRepName: '李四' };
    expect(await three(old)).toStrictEqual(refusal(30504001, '信息比对不通过，请检查orgCode的正确性'));
    const other = { ...COMPANY, legalRepIdNo: '440524188001010014' };
    expect((await bare.call('POST', `${API}/enterprise/fourFactors`, other)).json).toStrictEqual(
      refusal(30504001, '信息比对不通过，请检查legalRepIdNo的正确性'),
    );
    expect((await bare.call('POST', `${API}/enterprise/fourFactors`, FOUR)).json).toMatchObject({ code: 0 });
  });

  it('UNAVAILABLE and 30500200 where no bank channel is on', async () => {
    const flowId = await bare.newFlow();
    const answer = await bare.process(flowId);
    expect(answer).toStrictEqual({
      code: 0,
      message: '成功',
      data: {
        process: 'UNAVAILABLE',
        subAccount: null,
        subAccountChannelName: null,
        mainAccountName: null,
        oppAccountNo: null,
        oppAccountName: null,
        oppBankName: null,
        payAmount: null,
        tradeTime: null,
        createTime: null,
        modifyTime: null,
        message: '反向打款服务不可用，请稍后再试或联系服务人员',
        bizFlowNo: null,
        auditing: null,
        authLetterAuditStatus: null,
      },
    });
    const order = await bare.call('POST', `${PUB}/${flowId}/reversePayment`, {});
    expect(order.json).toStrictEqual(
      refusal(30500200, '未找到应用配置，尚未配置可用的收款银行通道，请联系服务人员处理'),
    );
  });

  it('30500000 with an id that finds the log line, where every number is in use', async () => {
    const pool = { kind: 'pool' } as const;
    await bare.bank.setChannel({
      channel: 'full',
      mainAccountName: '印信',
      mainAccountBank: '某行',
      mainAccountNo: '6222000011112222',
      numbers: pool,
      addNumbers: ['8800000001'],
      enabled: true,
      actor: 'operator',
    });
    await bare.orderedFlow();
    const flowId = await bare.newFlow();
    const answer = await bare.call('POST', `${PUB}/${flowId}/reversePayment`, {});
    const [, id] = /^操作出错,请联系服务人员处理, ID:([0-9a-f-]{36})$/.exec(String(answer.json['message']))!;
    expect(answer.json).toStrictEqual(refusal(30500000, `操作出错,请联系服务人员处理, ID:${id}`));
    const lines = bare.log.filter((line) => JSON.stringify(line).includes(id!));
    expect(JSON.stringify(lines)).toContain('sub_accounts_exhausted');
  });
});

describe('accounts', () => {
  const started = async (path: string, body: object) => (await service.call('POST', `${API}/${path}`, body)).json;

  it('30500156 for an account that is not there, or is another application’s, or has not this agent', async () => {
    const one = await service.company({ code: COMPANY.orgCode, legalPerson: COMPANY.legalRepName });
    const two = await service.company({ name: '上海明月贸易有限公司' });
    const missing = refusal(30500156, '账号不存在，请检查accountId和agentAccountId的正确性');
    const agentAccountId = one.etcMemberNo;
    expect(await started(`${'0'.repeat(32)}/threeFactors`, { agentAccountId })).toStrictEqual(missing);
    expect(await started(`${two.etcOrgNo}/threeFactors`, { agentAccountId })).toStrictEqual(missing);
    expect(await started(`${one.etcOrgNo}/threeFactors`, {})).toStrictEqual(
      refusal(30500100, '缺少参数:agentAccountId，请核实参数是否传入正确'),
    );
    expect(await started(`${one.etcOrgNo}/threeFactors`, { agentAccountId, repetition: 'perhaps' })).toStrictEqual(
      refusal(30500101, '参数错误:repetition应为true或false'),
    );
    expect(await started(`${two.etcOrgNo}/threeFactors`, { agentAccountId: two.etcMemberNo })).toStrictEqual(
      refusal(30500155, '企业组织用户基本信息缺少必要属性:orgCode，请先补充企业资料'),
    );
    expect(await started(`enterprise/${one.etcOrgNo}/fourFactors`, { agentAccountId })).toStrictEqual(
      refusal(30500155, '企业组织用户基本信息缺少必要属性:legalRepIdNo，请先补充企业资料'),
    );
    expect(await started(`${one.etcOrgNo}/threeFactors`, { agentAccountId })).toMatchObject({ code: 0 });
  });

  it('30500152 for a verified company, where repetition is not wanted', async () => {
    const { etcOrgNo, etcMemberNo } = await service.company({
      code: COMPANY.orgCode,
      legalPerson: COMPANY.legalRepName,
    });
    const path = `${etcOrgNo}/threeFactors`;
    const first = await started(path, { agentAccountId: etcMemberNo, repetition: false });
    const { flowId } = first['data'] as { flowId: string };
    const order = await service.call('POST', `${PUB}/${flowId}/reversePayment`, {});
    await service.pay({ subAccountNo: (order.json['data'] as { subAccountNo: string }).subAccountNo });
    expect(await service.parties.orgAuthStatus(service.appId, etcOrgNo)).toBe('01');
    expect(await started(path, { agentAccountId: etcMemberNo, repetition: false })).toStrictEqual(
      refusal(30500152, '当前账户已实名，无需重复认证'),
    );
    expect(await started(path, { agentAccountId: etcMemberNo })).toMatchObject({ code: 0 });
  });
});

describe('flows that are not, or are over', () => {
  /** Every call that names a flow. */
  const CALLS = [
    ['POST', 'reversePayment', {}],
    ['GET', 'query/reversePaymentProcess', undefined],
    ['GET', 'template/download', undefined],
    ['PUT', 'transferRandomAmount', TRANSFER],
    ['PUT', 'verifyRandomAmount', { amount: 0.5 }],
    ['GET', 'transferProcess', undefined],
  ] as const;

  it.each([...CALLS, ['GET', 'subbranch?keyWord=平安', undefined] as const])('%s %s', async (method, call, body) => {
    const answer = (flowId: string) => service.call(method, `${PUB}/${flowId}/${call}`, body);
    expect((await answer('1234567890123456789')).json).toStrictEqual(NOT_FOUND);
    expect((await answer('no-number')).json).toStrictEqual(NOT_FOUND);
    expect((await answer('')).json).toStrictEqual(refusal(30500102, 'flowId参数缺失，请检查请求地址中的flowId'));
    const flowId = await service.newFlow();
    service.clock.pass(7 * DAY_MS);
    expect((await answer(flowId)).json).toStrictEqual(EXPIRED);
    await service.identity.sweep();
    expect((await answer(flowId)).json).toStrictEqual(EXPIRED);
  });

  it.each(CALLS)('a flow that an operator ended: %s %s', async (method, call, body) => {
    const flowId = await service.newFlow();
    await service.identity.cancel({ appId: service.appId, flowId, reason: '客户要求', actor: 'operator' });
    expect((await service.call(method, `${PUB}/${flowId}/${call}`, body)).json).toStrictEqual(ENDED);
  });

  it.each(CALLS.filter(([method]) => method !== 'GET'))('a verified flow: %s %s', async (method, call, body) => {
    const { flowId, subAccountNo } = await service.orderedFlow();
    await service.pay({ subAccountNo });
    expect((await service.call(method, `${PUB}/${flowId}/${call}`, body)).json).toStrictEqual(ENDED);
  });

  it('detail and outline: 30500004', async () => {
    for (const call of ['detail', 'outline']) {
      const answer = await service.call('GET', `/v2/identity/auth/api/common/1234567890123456789/${call}`);
      expect(answer.json).toStrictEqual(NOT_FOUND);
    }
  });

  it('a letter that is no file of the application', async () => {
    const flowId = await service.newFlow();
    const body = { authLetterFileId: 'f'.repeat(32) };
    expect((await service.call('POST', `${PUB}/${flowId}/reversePayment`, body)).json).toStrictEqual(
      refusal(30500101, '参数错误:authLetterFileId对应的文件不存在，请先上传文件'),
    );
  });
});
