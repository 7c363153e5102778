import { sql } from 'kysely';
import { afterAll, describe, expect, test } from 'vitest';
import { callNewer, callOlder } from '../support/gateway-client.ts';
import { startGatewayOf } from '../support/gateway-of.ts';
import { individual, startSigningFixture } from '../support/signing-fixture.ts';

const fixture = await startSigningFixture();
const { clock, service } = fixture;
const { appId, signing } = service;
const { db } = service.database;
const gateway = await startGatewayOf(fixture);
const { client } = gateway;
afterAll(async () => {
  await gateway.close();
  await fixture.close();
});

const ID = '11010519491231002X';
const rush = async (flowId: string, idNumber = ID) =>
  callOlder(client, 'esign.signflows.rushsign', { flowId, idNumber });
const erase = async (userId: string) => callNewer(client, 'esign.account.indiv.delete', { user_id: userId });
const revoke = async (flowId: string) =>
  signing.revokeFlow({ appId, flowId, etcMemberNo: fixture.company.etcMemberNo });

interface Kept {
  id_number: Buffer | null;
  mobile: Buffer | null;
  name: string;
  command: string;
}
/** What rests of the one individual of a flow. */
async function keptOf(flowId: string): Promise<Kept> {
  const { rows } = await sql<Kept>`
    select signer.id_number, signer.mobile, signer.name, request.command::text as command
    from sign_signer signer join sign_request request using (app_id, flow_id)
    where signer.flow_id = ${flowId} and signer.kind = 'individual'
  `.execute(db);
  return rows[0]!;
}
const auditCount = async (): Promise<number> => {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from audit_entry where app_id = ${appId} and action = 'person.erase'
  `.execute(db);
  return Number(rows[0]?.count);
};

describe('esign.signflows.rushsign', () => {
  test('sends the signer whose turn it is their link again, once in ten minutes', async () => {
    const flowId = await fixture.waitingFlow();
    const before = (await service.outgoing.deliver()).length;
    expect(await rush(flowId, ID.toLowerCase())).toMatchObject({ responseCode: '000', data: { result: true } });
    const sent = (await service.outgoing.deliver()).slice(before);
    expect(sent).toMatchObject([{ kind: 'sign_reminder', to: { mobile: '13800138000' } }]);
    expect(await rush(flowId)).toMatchObject({
      responseCode: '400',
      responseMsg: '催签过于频繁，请600秒后再试',
      data: null,
    });
    clock.pass(10 * 60_000);
    expect(await rush(flowId)).toMatchObject({ responseCode: '000' });
    await revoke(flowId);
  });

  test('is refused for a flow, a person or a moment that does not fit', async () => {
    const flowId = await fixture.waitingFlow();
    expect(await rush('0'.repeat(32))).toMatchObject({ responseCode: '1435011' });
    expect(await rush(flowId, '110105194912310038')).toMatchObject({
      responseCode: '400',
      responseMsg: '参数idNumber对应的签署人不在本流程中，请核对身份证号',
    });
    expect(await rush(flowId, '1234')).toMatchObject({
      responseCode: '400',
      responseMsg: '参数idNumber应为18位身份证号',
    });
    await revoke(flowId);
    expect(await rush(flowId)).toMatchObject({ responseCode: '1437111' });
  });
});

describe('esign.account.indiv.delete', () => {
  const person = (idNumber: string, mobile: string, name: string) => [individual({ idNumber, mobile, name })];
  const endedFlow = async (idNumber: string, mobile: string, name = '赵六'): Promise<string> => {
    const flowId = await fixture.waitingFlow({ signers: person(idNumber, mobile, name) });
    await revoke(flowId);
    return flowId;
  };

  test('erases a person by their ID number from every flow, and keeps the flow and its acts', async () => {
    const id = '110101199003070135';
    const flows = [await endedFlow(id, '13900000001'), await endedFlow(id, '13900000002')];
    const other = await endedFlow('110101199003070274', '13900000003', '钱七');
    const acts = await Promise.all(flows.map(async (flowId) => (await signing.evidence(appId, flowId)).acts));
    expect(await erase(id)).toMatchObject({ code: '000', data: true });
    for (const [index, flowId] of flows.entries()) {
      const kept = await keptOf(flowId);
      expect(kept).toMatchObject({ id_number: null, mobile: null, name: '赵*' });
      expect(kept.command).toContain('"sealedIdNumber": ""');
      expect(kept.command).not.toContain('赵六');
      const evidence = await signing.evidence(appId, flowId);
      expect(evidence.acts).toEqual(acts[index]);
      expect(evidence.signers.find(({ kind }) => kind === 'individual')).toMatchObject({
        idNumber: null,
        mobile: null,
      });
    }
    expect(await keptOf(other)).toMatchObject({ id_number: expect.any(Buffer), name: '钱七' });
  });

  test('by a mobile finds the person behind it, wherever they stand', async () => {
    const id = '11010119900307033X';
    const withMobile = await endedFlow(id, '13900000011');
    const withoutIt = await endedFlow(id, '13900000012');
    expect(await erase('13900000011')).toMatchObject({ code: '000', data: true });
    for (const flowId of [withMobile, withoutIt]) expect((await keptOf(flowId)).id_number).toBeNull();
  });

  test('refuses a mobile that several people have', async () => {
    const first = await endedFlow('110101199003070434', '13900000021');
    await endedFlow('110101199003070493', '13900000021', '孙八');
    expect(await erase('13900000021')).toMatchObject({
      code: '400',
      msg: '该手机号对应多个身份证号，请改用身份证号删除',
      data: null,
    });
    expect((await keptOf(first)).id_number).not.toBeNull();
  });

  test('refuses while a flow of theirs is open, and changes nothing', async () => {
    const id = '110101199003070557';
    const ended = await endedFlow(id, '13900000031');
    const open = await fixture.waitingFlow({ signers: person(id, '13900000031', '赵六') });
    expect(await erase(id)).toMatchObject({
      code: '400',
      msg: '该用户有1个未结束的签署流程，请先撤销或待其结束后再删除',
    });
    expect((await keptOf(ended)).id_number).not.toBeNull();
    await revoke(open);
    expect(await erase(id)).toMatchObject({ code: '000', data: true });
    expect((await keptOf(ended)).id_number).toBeNull();
  });

  test('refuses while a request of theirs is not a flow yet; erases one that never became one', async () => {
    const id = '110101199003070610';
    const command = fixture.command({
      signers: person(id, '13900000041', '赵六'),
      fileUrl: `${fixture.outside.url}/no`,
    });
    const { flowRequestId } = await signing.createFlow(command);
    expect(await erase(id)).toMatchObject({ code: '400' });
    await fixture.jobs.run(clock.now());
    expect(await erase(id)).toMatchObject({ code: '000', data: true });
    const { rows } = await sql<{ command: string }>`
      select command::text from sign_request where flow_request_id = ${flowRequestId}
    `.execute(db);
    expect(rows[0]?.command).toContain('"sealedMobile": ""');
  });

  test('answers somebody unknown as somebody erased, and says nothing more', async () => {
    const before = await auditCount();
    const id = '110101199003070696';
    expect(await erase(id)).toMatchObject({ code: '000', data: true });
    await endedFlow(id, '13900000051');
    expect(await erase(id)).toMatchObject({ code: '000', data: true });
    expect(await erase(id)).toMatchObject({ code: '000', data: true });
    expect(await auditCount()).toBe(before + 1);
  });

  test('leaves people of other applications alone', async () => {
    const id = '110101199003070733';
    const flowId = await endedFlow(id, '13900000061');
    await signing.erasePerson({ appId: 'B'.repeat(16), userId: id, actor: 'app:B' });
    expect((await keptOf(flowId)).id_number).not.toBeNull();
  });

  test.each(['', '123', '1380013800', '11010519491231002Y', '138001380000'])('refuses “%s”', async (userId) => {
    expect(await erase(userId)).toMatchObject({ code: '400', data: null });
  });

  test('finds people of requests that were made before there were keys', async () => {
    const id = '110101199003070792';
    const flowId = await endedFlow(id, '13900000071');
    await sql`delete from sign_person_key`.execute(db);
    await sql`update sign_request set has_person_keys = false`.execute(db);
    expect(await erase(id)).toMatchObject({ code: '000' });
    expect((await keptOf(flowId)).id_number).not.toBeNull();
    await fixture.jobs.runEvery('signing.person-keys');
    expect(await erase(id)).toMatchObject({ code: '000' });
    expect((await keptOf(flowId)).id_number).toBeNull();
  });
});
