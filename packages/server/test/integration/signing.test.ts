import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PDFDocument } from '@cantoo/pdf-lib';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listAudit } from '../../src/audit/index.ts';
import {
  HOUR_MS,
  individual,
  pdfsig,
  run,
  signatureCount,
  silentField,
  START,
  startSigningFixture,
  type CommandChange,
  type SigningFixture,
} from '../support/signing-fixture.ts';

let fixture: SigningFixture;

beforeAll(async () => {
  fixture = await startSigningFixture();
});
beforeEach(() => fixture.jobs.lose());
afterAll(() => fixture?.close());

/** What the names of the fields' signatures begin with, in the fields' order. */
async function fieldNames(db: SigningFixture['service']['database']['db'], flowId: string): Promise<string[]> {
  const { rows } = await sql<{ field_id: string }>`
    select field_id from sign_field where flow_id = ${flowId} order by position
  `.execute(db);
  return rows.map(({ field_id: fieldId }) => `signature-${fieldId}`);
}

async function fileCount(): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from document_file
  `.execute(fixture.service.database.db);
  return rows[0]!.count;
}

async function signatureNames(pdf: Buffer): Promise<string[]> {
  const fields = (await PDFDocument.load(pdf)).getForm().getFields();
  return fields.map((field) => field.getName());
}

describe('a flow that a verified company signs silently', () => {
  it('is done at once: a valid signature for each field on each of its pages, both notifications, the audit', async () => {
    const fields = [
      silentField({
        placement: {
          kind: 'page',
          positions: [
            { page: 1, x: 300, y: 200 },
            { page: 3, x: 420, y: 150 },
          ],
        },
        date: { fontSize: 12, format: 'yyyy年MM月dd日', positions: [{ page: 3, x: 420, y: 90 }] },
      }),
      silentField({ placement: { kind: 'cross-page', positions: [{ pages: 'all', y: 421 }] }, width: 100 }),
      silentField({ placement: { kind: 'cross-page', positions: [{ pages: { first: 2, last: 3 }, y: 600 }] } }),
    ];
    const flowId = await fixture.openedFlow({ fields });

    const view = await fixture.service.signing.flow(fixture.service.appId, flowId);
    expect(view).toMatchObject({
      state: 'done',
      businessScene: '房屋买卖合同.pdf',
      initiatorMemberNo: fixture.company.etcMemberNo,
      initiatorOrgNo: fixture.company.etcOrgNo,
      endedAt: fixture.clock.now(),
    });
    const signed = await fixture.newestFile(flowId);
    // Two pages, the date on one of them; three slices; two slices.
    expect(signatureCount(signed)).toBe(7);
    expect(await pdfsig(fixture.directory, signed)).toEqual({ listed: 7, valid: 7 });
    const names = await fieldNames(fixture.service.database.db, flowId);
    expect(await signatureNames(signed)).toEqual([
      `${names[0]}-1`,
      `${names[0]}-3`,
      ...[1, 2, 3].map((page) => `${names[1]}-${page}`),
      ...[2, 3].map((page) => `${names[2]}-${page}`),
    ]);
    expect(new Set(signed.toString('latin1').match(/\/M \(D:[^)]*\)/g))).toEqual(
      new Set(["/M (D:20260322182428+08'00')"]),
    );
    const path = join(fixture.directory, 'signed.pdf');
    await writeFile(path, signed);
    await run('qpdf', ['--check', path]);

    const [ended] = await fixture.notifications(`"flow_status":"2","flow_id":"${flowId}"`);
    expect(ended).toEqual({
      api_callback_code: 'sign_process',
      data: {
        business_scence: '房屋买卖合同.pdf',
        status_description: '完成',
        create_time: '2026-03-22 18:24:28',
        action: 'SIGN_FLOW_FINISH',
        end_time: '2026-03-22 18:24:28',
        flow_status: '2',
        flow_id: flowId,
        timestamp: START.getTime(),
      },
      status: 'succeeded',
      message: '',
      timestamp: START.getTime(),
    });
    const filter = { appId: fixture.service.appId, subject: `sign_flow:${flowId}`, limit: 10 };
    const audit = await listAudit(fixture.service.database.db, filter);
    expect(audit.map((entry) => entry.action)).toEqual([
      'sign_flow.done',
      'sign_flow.sign',
      'sign_flow.sign',
      'sign_flow.sign',
      'sign_flow.create',
    ]);
    expect(audit[1]!.detail).toMatchObject({ state: 'done', notification: 'enqueued' });
  });

  it('each file begins with the one before, and only the one with all signatures of a field is stored', async () => {
    const across = silentField({ placement: { kind: 'cross-page', positions: [{ pages: 'all', y: 421 }] } });
    const stored = await fileCount();
    const flowId = await fixture.openedFlow({ fields: [silentField(), across] });
    // The contract, and one for each field.
    expect(await fileCount()).toBe(stored + 3);
    const { rows } = await sql<{ file_id: string }>`
      select file_id from sign_field where flow_id = ${flowId} order by position
    `.execute(fixture.service.database.db);
    const revisions = await Promise.all(
      rows.map(({ file_id: fileId }) => fixture.service.documents.readFile({ appId: fixture.service.appId, fileId })),
    );
    const [first, second] = revisions.map(({ bytes }) => bytes);
    expect(first!.subarray(0, fixture.contract.length).equals(fixture.contract)).toBe(true);
    expect(second!.subarray(0, first!.length).equals(first!)).toBe(true);
    expect((await fixture.newestFile(flowId)).equals(second!)).toBe(true);
  });

  it('says nothing at its end where the request wants no notification, and the audit says so', async () => {
    const flowId = await fixture.openedFlow({ finishNotifyFlag: false });
    expect(await fixture.state(flowId)).toBe('done');
    expect(await fixture.notifications(`"flow_status":"2","flow_id":"${flowId}"`)).toEqual([]);
    const filter = { appId: fixture.service.appId, subject: `sign_flow:${flowId}`, limit: 2 };
    // The signature that ended it, before the end itself.
    expect((await listAudit(fixture.service.database.db, filter))[1]!.detail).toMatchObject({
      notification: 'not-wanted',
    });
  });
});

describe('signers in their order', () => {
  it('an individual of a lower signOrder holds the company up, and the flow stays in signing', async () => {
    const signers = [individual({ signOrder: 1 })];
    const initiator = { etcMemberNo: fixture.company.etcMemberNo, signOrder: 2, fields: [silentField()] };
    const flowId = await fixture.openedFlow({ signers, initiator });
    expect(await fixture.state(flowId)).toBe('signing');
    expect((await pdfsig(fixture.directory, await fixture.newestFile(flowId))).listed).toBe(0);
  });

  it('a company signs in its turn and the individual after it waits', async () => {
    const flowId = await fixture.waitingFlow();
    expect(await fixture.state(flowId)).toBe('signing');
    expect((await pdfsig(fixture.directory, await fixture.newestFile(flowId))).valid).toBe(1);
    const { rows } = await sql`
      select kind, state from sign_signer where flow_id = ${flowId} order by position
    `.execute(fixture.service.database.db);
    expect(rows).toEqual([
      { kind: 'company', state: 'signed' },
      { kind: 'individual', state: 'signing' },
    ]);
  });

  it('a company field that is not silent waits for a person', async () => {
    const flowId = await fixture.openedFlow({ fields: [silentField(), silentField({ autoExecute: false })] });
    expect(await fixture.state(flowId)).toBe('signing');
    expect((await pdfsig(fixture.directory, await fixture.newestFile(flowId))).valid).toBe(1);
  });

  it("an individual's ID number and mobile rest sealed, in the request too", async () => {
    const flowId = await fixture.waitingFlow();
    const { rows } = await sql<{ everything: string }>`
      select row_to_json(signer)::text || request.command::text as everything
      from sign_signer signer join sign_flow using (app_id, flow_id)
      join sign_request request using (app_id, flow_request_id)
      where sign_flow.flow_id = ${flowId}
    `.execute(fixture.service.database.db);
    for (const { everything } of rows) {
      expect(everything).not.toContain('11010519491231002X');
      expect(everything).not.toContain('13800138000');
    }
    expect(rows).toHaveLength(2);
  });
});

describe('refused at once', () => {
  const refused = (changed: CommandChange) => fixture.service.signing.createFlow(fixture.command(changed));

  it('an initiator who is no member of the app', async () => {
    const initiator = { etcMemberNo: 'f'.repeat(32), signOrder: 1, fields: [silentField()] };
    await expect(refused({ initiator })).rejects.toMatchObject({ code: 'member_not_found' });
  });

  it('a silent field of a company that is not verified; one that is not silent is taken', async () => {
    const { etcMemberNo } = await fixture.service.company({ verified: false });
    const initiator = (autoExecute: boolean) => ({ etcMemberNo, signOrder: 1, fields: [silentField({ autoExecute })] });
    await expect(refused({ initiator: initiator(true) })).rejects.toMatchObject({ code: 'company_not_verified' });
    expect(await fixture.state(await fixture.openedFlow({ initiator: initiator(false) }))).toBe('signing');
  });

  it('a flow without fields, a silent field without a place, a deadline that has passed, a bad notifyUrl', async () => {
    await expect(refused({ fields: [] })).rejects.toMatchObject({ code: 'no_sign_fields' });
    const free = silentField({ placement: { kind: 'free' } });
    await expect(refused({ fields: [free] })).rejects.toMatchObject({ code: 'sign_field_invalid' });
    await expect(refused({ signValidity: fixture.clock.now() })).rejects.toMatchObject({
      code: 'sign_validity_passed',
    });
    for (const notifyUrl of ['ftp://example.com/', 'http://169.254.169.254/']) {
      await expect(refused({ notifyUrl })).rejects.toMatchObject({ code: 'notify_url_invalid' });
    }
  });
});

describe('a repeat with the same bizRequestNo', () => {
  it('answers the first flowRequestId and makes no second flow, at the same moment too', async () => {
    const repeats = Array.from({ length: 6 }, () =>
      fixture.service.signing.createFlow(fixture.command({ bizRequestNo: 'order-1' })),
    );
    const ids = new Set((await Promise.all(repeats)).map(({ flowRequestId }) => flowRequestId));
    expect(ids.size).toBe(1);
    const [flowRequestId] = ids;
    expect(flowRequestId).toMatch(/^[A-Za-z0-9]{20}$/);
    await fixture.jobs.run(fixture.clock.now());
    expect(await fixture.service.signing.createFlow(fixture.command({ bizRequestNo: 'order-1' }))).toEqual({
      flowRequestId,
    });
    expect(fixture.jobs.waiting).toEqual([]);
    expect(await fixture.notifications(`"flow_request_id":"${flowRequestId}"`)).toHaveLength(1);
  });
});

describe('revoke', () => {
  const revoke = (flowId: string, changed: { etcMemberNo?: string; reason?: string } = {}) =>
    fixture.service.signing.revokeFlow({
      appId: fixture.service.appId,
      flowId,
      etcMemberNo: fixture.company.etcMemberNo,
      ...changed,
    });

  it('ends a flow in signing, for the reason given or 撤销, and tells of it', async () => {
    const flowId = await fixture.waitingFlow();
    await revoke(flowId, { reason: '合同有误' });
    expect(await fixture.service.signing.flow(fixture.service.appId, flowId)).toMatchObject({
      state: 'revoked',
      reason: '合同有误',
    });
    const [told] = await fixture.notifications(`"flow_status":"3","flow_id":"${flowId}"`);
    expect(told).toMatchObject({ api_callback_code: 'sign_process', data: { status_description: '撤销' } });

    const other = await fixture.waitingFlow();
    await revoke(other);
    expect(await fixture.service.signing.flow(fixture.service.appId, other)).toMatchObject({ reason: '撤销' });
  });

  it('is refused: no such flow, of another app, not the initiator, revoked before, done, expired, long reason', async () => {
    const flowId = await fixture.waitingFlow({ signValidity: new Date(fixture.clock.now().getTime() + HOUR_MS) });
    await expect(revoke('0'.repeat(32))).rejects.toMatchObject({ code: 'flow_not_found' });
    const elsewhere = { appId: 'A'.repeat(16), flowId, etcMemberNo: fixture.company.etcMemberNo };
    await expect(fixture.service.signing.revokeFlow(elsewhere)).rejects.toMatchObject({ code: 'flow_not_found' });
    const stranger = await fixture.service.company();
    await expect(revoke(flowId, stranger)).rejects.toMatchObject({ code: 'not_initiator' });
    await expect(revoke(flowId, { reason: '长'.repeat(65) })).rejects.toMatchObject({ code: 'reason_too_long' });

    const revoked = await fixture.waitingFlow();
    await revoke(revoked, { reason: '😀'.repeat(64) });
    await expect(revoke(revoked)).rejects.toMatchObject({ code: 'flow_already_revoked' });
    await expect(revoke(await fixture.openedFlow())).rejects.toMatchObject({
      code: 'flow_not_signing',
      params: { state: 'done' },
    });
    fixture.clock.pass(HOUR_MS);
    await fixture.service.signing.sweep();
    await expect(revoke(flowId)).rejects.toMatchObject({ code: 'flow_not_signing', params: { state: 'expired' } });
  });
});

describe('expiry', () => {
  it('comes with its job at signValidity and not before, and is told', async () => {
    const flowId = await fixture.waitingFlow({ signValidity: new Date(fixture.clock.now().getTime() + HOUR_MS) });
    fixture.clock.pass(HOUR_MS - 1);
    await fixture.jobs.run(fixture.clock.now());
    expect(await fixture.state(flowId)).toBe('signing');
    fixture.clock.pass(1);
    await fixture.jobs.run(fixture.clock.now());
    expect(await fixture.state(flowId)).toBe('expired');
    const [told] = await fixture.notifications(`"flow_status":"5","flow_id":"${flowId}"`);
    expect(told!.data).toMatchObject({ status_description: '过期' });
  });

  it('comes by the sweep where the job was lost', async () => {
    const flowId = await fixture.waitingFlow({ signValidity: new Date(fixture.clock.now().getTime() + HOUR_MS) });
    fixture.jobs.lose();
    await fixture.service.signing.sweep();
    expect(await fixture.state(flowId)).toBe('signing');
    fixture.clock.pass(HOUR_MS);
    await fixture.service.signing.sweep();
    expect(await fixture.state(flowId)).toBe('expired');
  });
});
