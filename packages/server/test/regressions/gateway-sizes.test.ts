import { afterAll, expect, test } from 'vitest';
import { DomainError } from '../../src/platform/errors.ts';
import { callNewer, newerBody, send } from '../support/gateway-client.ts';
import { absentSigning, startGateway } from '../support/gateway-service.ts';

/**
 * A partner put the text of a document where its name belongs: createFlowOneStep with a fileName of two megabytes. The
 * limit of 128 characters was looked at together with the pattern, and the pattern for file names, tried on the whole
 * text, takes time by the square of its length: 40 000 characters held the event loop for two seconds, two million would
 * have held it for over an hour. One signed request stopped the gateway for everybody.
 */
const unexpected = async (): Promise<never> => {
  throw new DomainError('flow_not_found');
};
const gateway = await startGateway({
  ...absentSigning,
  createFlow: unexpected,
  flow: unexpected,
  documents: unexpected,
  revokeFlow: unexpected,
});
const { client } = await gateway.partner();
afterAll(() => gateway.stop());

test.each(['a', '.', ' ', '字'])('a file name of a megabyte of %j is too long, and that is all it is', async (part) => {
  const fileName = part.repeat(Math.floor(1_500_000 / Buffer.byteLength(part)));
  const flow = { fileUrl: 'http://a.example/1.pdf', fileName, signers: { initiatorAccount: { etc_member_no: 'x' } } };
  const answer = await callNewer(client, 'esign.signflows.createFlowOneStep', flow);
  expect(answer).toMatchObject({ code: '400', msg: expect.stringContaining('参数fileName') });
});

test.each([
  ['contact_email', '@'.repeat(1_000_000)],
  ['contact_mobile', '1'.repeat(1_000_000)],
  ['org_name', '😀'.repeat(400_000)],
])('%s of a megabyte', async (name, value) => {
  const org = { biz_org_no: 'B', org_type: '01', org_name: '公司', [name]: value };
  const answer = await callNewer(client, 'partner.org.create', org);
  expect(answer).toMatchObject({ code: '400', msg: expect.stringContaining(`参数${name}应为`) });
});

test('characters are counted, not UTF-16 units', async () => {
  const org = { org_type: '01', org_name: '😀'.repeat(50) };
  expect(await callNewer(client, 'partner.org.create', { ...org, biz_org_no: '50' })).toMatchObject({ code: '000' });
  const longer = { ...org, biz_org_no: '51', org_name: '😀'.repeat(51) };
  expect(await callNewer(client, 'partner.org.create', longer)).toMatchObject({ code: '400' });
});

/**
 * Two megabytes of `"k1":1,"k2":1,…` were read member by member before anything was proved, a third of a second each: three
 * such requests a second from a stranger were all that the service could do.
 */
test('an object of 150 000 fields is given up at the 257th', async () => {
  const fields = Array.from({ length: 150_000 }, (_, nth) => `"k${nth}":1`).join(',');
  const texts = [
    `{${fields}}`,
    `{"appId":"a","nonce":"123456","timestamp":1604990109987,"sign":"a","apiCode":"b","params":{${fields}}}`,
  ];
  const answers = [];
  for (const text of texts)
    answers.push((JSON.parse(await send(client, text)) as Record<string, string>)['responseMsg']);
  expect(answers).toEqual(['请求报文的字段不能超过256个', '参数params的字段不能超过256个']);
  expect(await callNewer(client, 'app.notify.get', JSON.parse(`{${fields}}`))).toMatchObject({
    code: '400',
    msg: '参数request_content的字段不能超过256个',
  });
});

/**
 * A stranger without any key sent bodies with one key twice, the key 900 000 characters long. The answer was cut to 255
 * characters, the line of the log was not: whoever can reach the port could fill the disk by megabytes a request, and
 * write into the log what he liked.
 */
test('a key of a stranger’s stands in the log and in the answer as its first 64 characters', async () => {
  const key = `13800138000\\n\\ud800${'k'.repeat(900_000)}`;
  const lines = gateway.log.length;
  const answer = JSON.parse(await send(client, `{"${key}":1,"${key}":2}`)) as Record<string, string>;
  expect(answer).toMatchObject({ responseCode: '400', responseMsg: `参数13800138000��${'k'.repeat(51)}…重复` });
  const flaw = newerBody(client, 'app.notify.get').replace('{', `{"${key}":1,"${key}":2,`);
  await send(client, flaw);
  for (const line of gateway.log.slice(lines)) expect(line.length).toBeLessThan(1_000);
});
