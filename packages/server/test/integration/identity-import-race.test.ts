import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHANNEL, COMPANY, startIdentity, type IdentityService } from '../support/identity-service.ts';

let service: IdentityService;
beforeAll(async () => {
  service = await startIdentity();
});
afterAll(() => service.stop());

const PUB = '/v2/identity/auth/pub/organization';

describe('a statement that is imported while its flows are worked on', () => {
  it('verifies every flow, and no call meets a fault of ours', async () => {
    const flows = [];
    for (let count = 0; count < 24; count += 1) flows.push(await service.orderedFlow());
    const lines = flows.map(({ subAccountNo }, index) => `MIX${index},${COMPANY.name},${subAccountNo},0.01,20261121`);
    const csv = ['交易流水号,付款方户名,收款账号,金额,交易日期', ...lines, ''].join('\n');
    const importing = service.bank.importStatement({
      channel: CHANNEL,
      fileName: 'mix.csv',
      format: 'csv',
      actor: 'operator',
      content: (async function* () {
        yield Buffer.from(csv);
      })(),
    });
    const transfer = {
      bank: '平安银行',
      province: '浙江',
      city: '杭州市',
      subbranch: '平安银行杭州高新支行',
      cardNo: '11003491675702',
      cnapsCode: '307331002584',
    };
    const answers = await Promise.all(
      flows.toReversed().map(({ flowId }) => service.call('PUT', `${PUB}/${flowId}/transferRandomAmount`, transfer)),
    );
    expect(await importing).toMatchObject({ matched: 24, complete: true });
    // Either the call came first, or the flow was verified already.
    for (const { json } of answers) expect([0, 30500002]).toContain(json['code']);
    for (const { flowId } of flows) {
      expect((await service.process(flowId))['data']).toMatchObject({ process: 'ORGANFINISHED', payAmount: '0.01' });
    }
  });
});
