import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sql } from 'kysely';
import { afterAll, describe, expect, test } from 'vitest';
import { createEvidenceReports } from '../../src/evidence-report/index.ts';
import { createParties } from '../../src/parties/index.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createSeals } from '../../src/seals/index.ts';
import { pdfsig, testSigner } from '../support/signed-pdf.ts';
import { openLink, startSignerHttp } from '../support/signer-client.ts';
import { individual, startSigningFixture } from '../support/signing-fixture.ts';

const run = promisify(execFile);
const fixture = await startSigningFixture();
const { clock, service } = fixture;
const { appId, documents, signing } = service;
const { db } = service.database;
const http = await startSignerHttp({ signing, clock });
const signer = await testSigner('P-256', '印信服务 Yinxin Service');
const evidence = createEvidenceReports({
  db,
  clock,
  documents,
  signing,
  parties: createParties({ db, vault: createVault(Buffer.alloc(32, 7)), clock }),
  seals: createSeals({ clock }),
  validate: () => Promise.resolve(null),
  signer: () => Promise.resolve(signer),
});
afterAll(async () => {
  await http.close();
  await fixture.close();
});

const ID = '11010519491231002X';
const MOBILE = '13800138000';

/** A flow that the company and a person have signed; the person by hand. */
async function signedFlow(): Promise<string> {
  const field = { placement: { kind: 'free' as const }, width: null, date: null, forms: ['handwritten' as const] };
  const flowId = await fixture.waitingFlow({
    signers: [individual({ idNumber: ID, mobile: MOBILE, fields: [field] })],
  });
  const browser = await openLink(http, await service.outgoing.linkOf(MOBILE));
  await browser.enter(() => service.outgoing.codeOf(MOBILE));
  await browser.call('POST', '/views', { views: [{ page: 1, milliseconds: 3_000 }] });
  await browser.sign();
  expect(await fixture.jobs.run(clock.now())).toEqual([]);
  expect(await fixture.state(flowId)).toBe('done');
  return flowId;
}

async function reportText(flowId: string): Promise<string> {
  const { bytes } = await evidence.report({ appId, flowId, actor: 'operator' });
  const file = join(fixture.directory, `${flowId}.pdf`);
  await writeFile(file, bytes);
  const { stdout } = await run('pdftotext', ['-raw', file, '-']);
  return stdout.replaceAll(/\s+/g, ' ');
}

describe('a person who signed by hand', () => {
  test('stands in the report with link, code, consent, reading and device; then is erased, and the proof stays', async () => {
    const flowId = await signedFlow();
    const before = await signing.evidence(appId, flowId);
    const text = await reportText(flowId);
    for (const words of [
      '打开签署链接',
      '身份核验通过',
      '同意电子签名条款',
      '确认签署',
      '加盖电子签名',
      '127.0.0.1',
      'a phone',
    ])
      expect(text).toContain(words);
    expect(text).toContain('逐页阅读记录');
    expect(text).toContain('110***********002X');
    const consent = before.acts.find(({ kind }) => kind === 'consented');
    expect(text).toContain(`条款版本 terms：${consent?.consentVersion}`);
    for (const { messageId } of before.acts) if (messageId !== null) expect(text).toContain(messageId);
    const document = await fixture.newestFile(flowId);
    expect(await pdfsig(document)).toMatchObject([{ valid: true }, { commonName: '李四', valid: true }]);

    await signing.erasePerson({ appId, userId: MOBILE, actor: 'operator' });

    const after = await signing.evidence(appId, flowId);
    expect(after.acts).toEqual(before.acts);
    expect(after.views).toEqual(before.views);
    expect(await fixture.newestFile(flowId)).toEqual(document);
    const later = await reportText(flowId);
    expect(later).toContain('已删除 erased');
    expect(later).toContain('李四');
    expect(later).not.toContain('110***********002X');

    const { rows } = await sql<{ table: string; text: string }>`
      select 'sign_intent' as table, row_to_json(row)::text as text from sign_intent row
      union all select 'sign_preview', row_to_json(row)::text from sign_preview row
      union all select 'sign_session', row_to_json(row)::text from sign_session row
      union all select 'sign_link', row_to_json(row)::text from sign_link row
      union all select 'sign_code', row_to_json(row)::text from sign_code row
    `.execute(db);
    expect(rows.map(({ table }) => table)).toEqual(['sign_intent']);
    expect(rows[0]?.text).not.toContain('strokes');
    expect(rows[0]?.text).toContain('handwritten');
    const { rows: keys } = await sql<{ isErased: boolean }>`
      select private_key_sealed is null as "isErased" from certificate
      where app_id = ${appId} and holder_kind = 'person'
    `.execute(db);
    expect(keys).toEqual([{ isErased: true }]);
  });

  test('who comes again after they were erased signs under a new key', async () => {
    const flowId = await signedFlow();
    expect(await pdfsig(await fixture.newestFile(flowId))).toMatchObject([{ valid: true }, { valid: true }]);
    const { rows } = await sql<{ isErased: boolean }>`
      select private_key_sealed is null as "isErased" from certificate
      where app_id = ${appId} and holder_kind = 'person' order by private_key_sealed is null desc
    `.execute(db);
    expect(rows.map(({ isErased }) => isErased)).toEqual([true, false]);
  });
});
