import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { verifyAuditChain } from '../../src/audit/index.ts';
import type { AddCopy } from '../../src/signing/index.ts';
import { LI, startEndedFlows, ZHOU, type EndedFlows } from '../support/ended-flows.ts';
import { HANDWRITING, openLink } from '../support/signer-client.ts';
import { HOUR_MS, type SigningFixture } from '../support/signing-fixture.ts';

// People who do not sign and get the signed document (抄送).

let flows: EndedFlows;
let fixture: SigningFixture;
beforeAll(async () => {
  flows = await startEndedFlows();
  ({ fixture } = flows);
});
beforeEach(() => {
  fixture.jobs.lose();
  // Codes are counted by the hour, and flows of other tests wrote to the same mobile.
  fixture.clock.pass(2 * HOUR_MS);
});
afterAll(async () => {
  await flows?.close();
});

const outgoing = () => fixture.service.outgoing;
const signing = () => fixture.service.signing;
const appId = () => fixture.service.appId;

describe('who gets a copy', () => {
  it('hears nothing before the end, then proves themselves, sees the signed document, downloads it, and can do nothing else', async () => {
    const flowId = await flows.waitingFlow();
    const sentEarly = await flows.sentBy(() => flows.addCopy(flowId));
    expect(sentEarly).toEqual([]);
    const sent = await flows.sentBy(() => flows.signAs(LI));
    expect(sent.map(({ kind, to }) => [kind, to.mobile])).toEqual([
      ['sign_done', LI],
      ['sign_copy', ZHOU],
    ]);
    const client = await flows.open(ZHOU);
    expect(await client.task()).toMatchObject({
      role: 'copy',
      step: 'identity',
      document: null,
      signer: { name: '周**', maskedMobile: '135****5000' },
      parties: [{ isSelf: false }, { name: '李*', isSelf: false }],
    });
    for (const path of ['/document', '/pages/1?width=400', '/evidence', '/seals/personal']) {
      expect((await client.bytes(path)).status, path).toBe(409);
    }
    expect(await flows.prove(client, ZHOU)).toMatchObject({
      role: 'copy',
      step: 'signed',
      signer: { name: '周律师' },
      parties: [{}, { name: '李四', state: 'signed' }],
      document: { pages: [{}, {}, {}], fields: [], seals: [] },
    });
    expect((await client.bytes('/pages/2?width=400')).status).toBe(200);
    expect((await client.bytes('/document')).body.equals(await fixture.newestFile(flowId))).toBe(true);

    const { acts } = await signing().evidence(appId(), flowId);
    const choice = { fieldId: 'a', form: 'handwritten', handwriting: HANDWRITING };
    const forbidden: [string, object][] = [
      ['/consent', { version: (await client.task()).consent.version }],
      ['/preview', { choices: [choice] }],
      ['/confirm', { previewId: 'a' }],
      ['/refuse', { reason: '不' }],
      ['/handover', {}],
      ['/views', { views: [{ page: 1, milliseconds: 5 }] }],
    ];
    for (const [path, body] of forbidden) expect((await client.call('POST', path, body)).status, path).toBe(409);
    for (const path of ['/evidence', '/seals/personal', '/previews/a/pages/1?width=400']) {
      expect((await client.bytes(path)).status, path).toBe(409);
    }
    const after = await signing().evidence(appId(), flowId);
    expect(after.acts).toEqual(acts);
    expect(after.views).toEqual([]);
    const theirs = acts.filter(({ actor }) => actor.startsWith('copy:'));
    expect(theirs.map(({ kind, signerId }) => [kind, signerId])).toEqual([
      ['opened', null],
      ['code_sent', null],
      ['identity_checked', null],
      ['downloaded', null],
    ]);
    const [copy] = await signing().listCopies(appId(), flowId);
    expect(copy).toMatchObject({ name: '周律师', mobile: '135****5000', email: null });
    for (const at of [copy!.sentAt, copy!.openedAt, copy!.downloadedAt]) expect(at).toBeInstanceOf(Date);
    expect((await verifyAuditChain(fixture.service.database.db, appId())).fault).toBeNull();
  });

  it('is written to at once where the flow is done; the code goes to the e-mail address where there is no mobile', async () => {
    const flowId = await flows.doneFlow();
    const email = 'zhou@example.com';
    const sent = await flows.sentBy(() => flows.addCopy(flowId, { mobile: null, email: 'Zhou@Example.com' }));
    expect(sent.map(({ kind, to }) => [kind, to])).toEqual([['sign_copy', { email }]]);
    const client = await flows.open(email);
    expect((await client.task()).signer.maskedMobile).toBe('z***@example.com');
    expect((await flows.prove(client, email)).step).toBe('signed');
    expect((await client.bytes('/document')).status).toBe(200);
  });

  it('with a mobile and an e-mail address gets one link by both, and wrong codes lock as a signer’s do', async () => {
    const flowId = await flows.doneFlow();
    const sent = await flows.sentBy(() => flows.addCopy(flowId, { email: 'zhou@example.com' }));
    expect(sent.map(({ to }) => to)).toEqual([{ mobile: ZHOU }, { email: 'zhou@example.com' }]);
    expect(new Set(sent.map(({ params }) => params['url'])).size).toBe(1);
    const client = await flows.open(ZHOU);
    await client.done('POST', '/code');
    const wrong = String((Number(await outgoing().codeOf(ZHOU)) + 1) % 1_000_000).padStart(6, '0');
    for (let left = 4; left > 0; left -= 1) {
      expect((await client.call('POST', '/code/check', { code: wrong })).body).toMatchObject({ triesLeft: left });
    }
    expect((await client.call('POST', '/code/check', { code: wrong })).body.error).toBe('code_locked');
    expect((await client.call('POST', '/code')).body.error).toBe('code_locked');
  });

  it('who is taken back is let in nowhere, and nothing of them is left but masked', async () => {
    const flowId = await flows.doneFlow();
    const { copyId } = await flows.addCopy(flowId, { email: 'zhou@example.com' });
    const token = await outgoing().linkOf(ZHOU);
    const client = await openLink(flows.http, token);
    await flows.prove(client, ZHOU);
    await signing().removeCopy({ appId: appId(), flowId, copyId, actor: 'operator' });
    expect((await client.bytes('/document')).status).toBe(401);
    expect((await client.call('GET', '/task')).status).toBe(401);
    await expect(openLink(flows.http, token)).rejects.toThrow('token_invalid');
    expect(await signing().listCopies(appId(), flowId)).toEqual([]);
    const { rows } = await sql<{ text: string }>`
      select row_to_json(row)::text as text from sign_copy row
      union all select row_to_json(row)::text from sign_act row
      union all select row_to_json(row)::text from audit_entry row
      union all select row_to_json(row)::text from message row
    `.execute(fixture.service.database.db);
    for (const { text } of rows) expect(text).not.toMatch(/13500135000|zhou@example\.com|周律师/i);
    const again = signing().removeCopy({ appId: appId(), flowId, copyId, actor: 'operator' });
    await expect(again).rejects.toMatchObject({ code: 'copy_not_found' });
  });

  it('whose message has not gone out yet is not written to once they are taken back or erased', async () => {
    const flowId = await flows.doneFlow();
    const sent = await flows.sentBy(async () => {
      const { copyId } = await flows.addCopy(flowId, { mobile: '13600136001' });
      await flows.addCopy(flowId, { mobile: '13600136002', name: '吴十' });
      await flows.addCopy(flowId, { mobile: '13600136003', name: '郑一' });
      await signing().removeCopy({ appId: appId(), flowId, copyId, actor: 'operator' });
      await signing().erasePerson({ appId: appId(), userId: '13600136002', actor: 'operator' });
    });
    expect(sent.map(({ to }) => to.mobile)).toEqual(['13600136003']);
  });

  it('is one person once, of one application, in a flow that goes on or is done, and has an address', async () => {
    const flowId = await flows.waitingFlow();
    const bad: [Partial<AddCopy>, string][] = [
      [{ mobile: null }, 'copy_invalid'],
      [{ mobile: '135' }, 'copy_invalid'],
      [{ name: ' ' }, 'copy_invalid'],
      [{ name: '周\n律师' }, 'copy_invalid'],
      [{ name: '\ud842律师' }, 'copy_invalid'],
      [{ name: '周'.repeat(65) }, 'copy_invalid'],
      [{ email: 'a@b.cn,c@d.cn' }, 'copy_invalid'],
      [{ email: 'a@b' }, 'copy_invalid'],
      [{ email: '"a b"@b.cn' }, 'copy_invalid'],
      [{ flowId: '0'.repeat(32) }, 'flow_not_found'],
      [{ appId: 'A'.repeat(16) }, 'flow_not_found'],
    ];
    for (const [changed, code] of bad)
      await expect(flows.addCopy(flowId, changed), code).rejects.toMatchObject({ code });
    const { copyId } = await flows.addCopy(flowId);
    await expect(flows.addCopy(flowId, { name: '别人' })).rejects.toMatchObject({
      code: 'copy_there_already',
      params: { copyId },
    });
    await expect(signing().listCopies('A'.repeat(16), flowId)).rejects.toMatchObject({ code: 'flow_not_found' });
    const foreign = signing().removeCopy({ appId: 'A'.repeat(16), flowId, copyId, actor: 'operator' });
    await expect(foreign).rejects.toMatchObject({ code: 'flow_not_found' });
    for (let count = 1; count < 20; count += 1) {
      await flows.addCopy(flowId, { mobile: `135001350${String(count).padStart(2, '0')}` });
    }
    await expect(flows.addCopy(flowId, { mobile: '13500135099' })).rejects.toMatchObject({
      code: 'too_many_copies',
      params: { limit: '20' },
    });
    const { etcMemberNo } = fixture.company;
    const sent = await flows.sentBy(() => signing().revokeFlow({ appId: appId(), flowId, etcMemberNo }));
    expect(sent.map(({ kind }) => kind)).toEqual(['sign_ended']);
    await expect(flows.addCopy(flowId, { mobile: '13500135099' })).rejects.toMatchObject({ code: 'copy_flow_over' });
  });

  it('added while the last signature comes in is written to once', async () => {
    const flowId = await flows.waitingFlow();
    await flows.confirmAs(LI);
    const added = [flows.addCopy(flowId), flows.addCopy(flowId), flows.addCopy(flowId, { mobile: '13500135001' })];
    const sent = await flows.sentBy(async () => {
      const settled = await Promise.allSettled([fixture.jobs.run(fixture.clock.now()), ...added]);
      expect(settled.filter(({ status }) => status === 'rejected')).toMatchObject([
        { reason: { code: 'copy_there_already' } },
      ]);
    });
    expect(await fixture.state(flowId)).toBe('done');
    expect(
      sent
        .flatMap(({ kind, to }) => (kind === 'sign_copy' ? [to.mobile] : []))
        .toSorted((a = '', b = '') => a.localeCompare(b)),
    ).toEqual([ZHOU, '13500135001']);
  });

  it('is erased with the person: by their mobile, or as the one of that name who has it', async () => {
    const flowId = await flows.doneFlow();
    await flows.addCopy(flowId, { name: '孙九', mobile: '13300133000' });
    const token = await outgoing().linkOf('13300133000');
    await flows.addCopy(flowId, { name: '李四', mobile: LI });
    const other = await flows.doneFlow();
    // The same mobile, another name: a family may share one.
    await flows.addCopy(other, { name: '李四的妻子', mobile: LI });
    const namesOf = async (id: string) => (await signing().listCopies(appId(), id)).map(({ name }) => name);

    await signing().erasePerson({ appId: appId(), userId: '13300133000', actor: 'operator' });
    await expect(openLink(flows.http, token)).rejects.toThrow('token_invalid');
    expect(await namesOf(flowId)).toEqual(['李四']);
    const idNumber = '11010519491231002X';
    await signing().erasePerson({ appId: appId(), userId: idNumber, actor: 'operator' });
    expect([await namesOf(flowId), await namesOf(other)]).toEqual([[], ['李四的妻子']]);
    const { rows } = await sql<{ copies: number }>`
      select (detail ->> 'copies')::int as copies from audit_entry where action = 'person.erase' order by at
    `.execute(fixture.service.database.db);
    expect(rows.slice(-2).map(({ copies }) => copies)).toEqual([1, 1]);
  });
});
