import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { listAudit } from '../../src/audit/index.ts';
import {
  bytes,
  camt054,
  CAMT054_HEAD,
  CAMT054_TAIL,
  camtEntry,
  COMPANY,
  NOW,
  startBank,
  type BankFixture,
} from '../support/bank-fixture.ts';
import { sample } from '../support/statements.ts';

let fixture: BankFixture;
beforeAll(async () => {
  fixture = await startBank();
  await fixture.setChannel();
});
afterAll(() => fixture.stop());
beforeEach(() => {
  fixture.identity.told = [];
  fixture.time.now = NOW;
});

// The worker was not started with the flag; set now, a new context has the function.
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const LINES = 100_000;
const ENTRIES_A_PIECE = 200;

/** A notification of a hundred thousand entries, made as it is read: some 90 MB. */
async function* longStatement(onPiece: (piece: number) => void): AsyncGenerator<Uint8Array> {
  yield Buffer.from(CAMT054_HEAD);
  for (let at = 0; at < LINES; at += ENTRIES_A_PIECE) {
    let text = '';
    for (let line = at; line < at + ENTRIES_A_PIECE; line += 1) {
      text += camtEntry({ to: `302068571${String(line).padStart(6, '0')}`, reference: `LONG${line}` });
    }
    onPiece(at / ENTRIES_A_PIECE);
    yield Buffer.from(text);
  }
  yield Buffer.from(CAMT054_TAIL);
}

test('a hundred thousand entries in one go: every one is stored, memory stays flat', { timeout: 300_000 }, async () => {
  const heap: number[] = [];
  const progress: number[] = [];
  const result = await fixture.bank.importStatement({
    channel: 'pingan',
    content: longStatement((piece) => {
      if (piece % 10 !== 0) return;
      collectGarbage();
      heap.push(process.memoryUsage().heapUsed);
    }),
    fileName: 'long.xml',
    format: 'camt054',
    actor: 'operator',
    onProgress: ({ lines }) => progress.push(lines),
  });
  expect(result).toMatchObject({ lines: LINES, new: LINES, unclaimed: LINES, faultCount: 0, complete: true });
  expect(await fixture.count('bank_transaction')).toBe(LINES);
  expect(progress.at(-1)).toBe(LINES);
  expect(progress.length).toBeGreaterThan(100);
  // What is held near the end of the file is what is held near its beginning: had every line stayed, it would be 90 MB.
  const most = (part: number[]): number => Math.max(...part);
  expect(most(heap.slice(-10)) - most(heap.slice(2, 12))).toBeLessThan(12 * 1024 * 1024);
});

test('an import tells what it did, in its row and in the audit', async () => {
  const flow = await fixture.flow();
  const text = camt054([{ to: flow.subAccountNo, reference: 'A1' }]);
  const result = await fixture.bank.importStatement({
    channel: 'pingan',
    content: bytes(text),
    fileName: 'a\nb.xml',
    format: 'camt054',
    actor: 'operator',
  });
  const { rows } = await sql<{ result: unknown; fileName: string; hash: Buffer }>`
    select result, file_name as "fileName", file_sha256 as hash from bank_import where import_id = ${result.importId}
  `.execute(fixture.database.db);
  expect(rows[0]).toMatchObject({ result, fileName: 'ab.xml' });
  const [entry] = await listAudit(fixture.database.db, { appId: '*', subject: 'bank_channel:pingan', limit: 1 });
  expect(entry).toMatchObject({
    action: 'bank_statement.imported',
    actor: 'operator',
    detail: { lines: 1, matched: 1, sha256: rows[0]!.hash.toString('hex') },
  });
});

test('what stands before the end of a broken file is imported', async () => {
  const flow = await fixture.flow();
  const text = CAMT054_HEAD + camtEntry({ to: flow.subAccountNo, reference: 'B1' }) + '<Ntry><Amt';
  const result = await fixture.bank.importStatement({
    channel: 'pingan',
    content: bytes(text),
    fileName: 'x',
    format: 'camt054',
    actor: 'operator',
  });
  expect(result).toMatchObject({ matched: 1, complete: false, faults: [{ line: 1, reason: 'file_ends_too_early' }] });
});

test('a format and columns are those of the channel unless the import says otherwise', async () => {
  await fixture.setChannel({ channel: 'table', numbers: { kind: 'rule', prefix: '88010078', width: 6 } });
  const bring = async (name: string): Promise<unknown> =>
    fixture.bank.importStatement({
      channel: 'table',
      content: bytes(await sample(name)),
      fileName: name,
      actor: 'operator',
    });
  await expect(bring('statement-gb18030.csv')).rejects.toMatchObject({ code: 'bank_channel_invalid' });
  await fixture.setChannel({
    channel: 'table',
    statements: { format: 'csv', encoding: 'auto', columns: {}, information: 'untrusted' },
  });
  expect(await bring('statement-gb18030.csv')).toMatchObject({ lines: 5, new: 5, complete: true });
  // The same day as MT940: the references are the same, so are the transactions that both tell.
  const again = await fixture.bank.importStatement({
    channel: 'table',
    content: bytes(await sample('mt940-gb18030.sta')),
    fileName: 'x',
    format: 'mt940',
    actor: 'operator',
  });
  expect(again).toMatchObject({ lines: 4, known: 2 });
  await expect(
    fixture.bank.importStatement({ channel: 'none', content: bytes(''), fileName: 'x', actor: 'operator' }),
  ).rejects.toMatchObject({ code: 'bank_channel_not_found' });
});

test('a number in the remittance text counts where the channel says so', async () => {
  const flow = await fixture.flow();
  const line = { to: '30206857000000', remittance: `认证 ${flow.subAccountNo}` };
  const bring = (reference: string): Promise<unknown> =>
    fixture.bank.importStatement({
      channel: 'pingan',
      content: bytes(camt054([{ ...line, reference }])),
      fileName: 'x',
      format: 'camt054',
      actor: 'operator',
    });
  expect(await bring('M1')).toMatchObject({ unclaimed: 1 });
  await fixture.setChannel({ numberInRemittance: true });
  expect(await bring('M2')).toMatchObject({ matched: 1 });
});

test('the manual queue: accepted it is the payment, refused it is not, each once and with a reason', async () => {
  const flows = [await fixture.flow(), await fixture.flow(), await fixture.flow()];
  await fixture.bank.importStatement({
    channel: 'pingan',
    content: bytes(
      camt054(
        flows.map(({ subAccountNo }, i) => ({ to: subAccountNo, reference: `Q${i}`, payer: `${COMPANY}上海分公司` })),
      ),
    ),
    fileName: 'x',
    format: 'camt054',
    actor: 'operator',
  });
  const listed = await fixture.bank.listReviews({ state: 'open' });
  const reviews = listed.toSorted((a, b) => a.transaction.bizFlowNo.localeCompare(b.transaction.bizFlowNo));
  expect(reviews.map(({ flowId, nearMissReason }) => [flowId, nearMissReason])).toEqual(
    flows.map(({ flowId }) => [flowId, 'company_name_is_part']),
  );
  const [first, second, third] = reviews.map(({ transactionId }) => transactionId);
  fixture.identity.told = [];
  const decide = (
    transactionId: string,
    decision: 'accept' | 'refuse',
    reason = '营业执照副本已核',
  ): Promise<unknown> => fixture.bank.resolveReview({ transactionId, decision, reason, actor: 'operator' });
  await expect(decide(first!, 'accept', ' ')).rejects.toMatchObject({ code: 'bank_review_invalid' });
  expect(await decide(first!, 'accept')).toMatchObject({
    state: 'accepted',
    decidedBy: 'operator',
    decisionReason: '营业执照副本已核',
    nearMissReason: 'company_name_is_part',
  });
  await expect(decide(first!, 'refuse')).rejects.toMatchObject({ code: 'bank_review_resolved' });
  expect(await decide(second!, 'refuse')).toMatchObject({ state: 'refused' });
  await fixture.endFlow(flows[2]!.flowId);
  await expect(decide(third!, 'accept')).rejects.toMatchObject({ code: 'bank_review_flow_ended' });
  expect(await decide(third!, 'refuse')).toMatchObject({ state: 'refused' });
  await expect(decide('00000000-0000-0000-0000-000000000000', 'accept')).rejects.toMatchObject({
    code: 'bank_review_not_found',
  });
  expect(fixture.identity.told.map(({ flowId, verdict }) => [flowId, verdict])).toEqual([
    [flows[0]!.flowId, { kind: 'paid' }],
    [flows[1]!.flowId, { kind: 'failed', reason: 'wrong_payer' }],
  ]);
  expect(await fixture.bank.listReviews({ state: 'open' })).toEqual([]);
  const audit = await listAudit(fixture.database.db, { appId: '*', subject: `bank_transaction:${first}`, limit: 5 });
  expect(audit.map(({ action, detail }) => [action, detail['reason']])).toEqual([
    ['bank_review.accept', '营业执照副本已核'],
  ]);
  // An accepted payment that the bank takes back reopens, as any other.
  fixture.identity.told = [];
  await fixture.bank.importStatement({
    channel: 'pingan',
    content: bytes(camt054([{ to: flows[0]!.subAccountNo, reference: 'Q0', direction: 'DBIT', reversal: true }])),
    fileName: 'x',
    format: 'camt054',
    actor: 'operator',
  });
  expect(fixture.identity.told.map(({ flowId, verdict }) => [flowId, verdict])).toEqual([
    [flows[0]!.flowId, { kind: 'failed', reason: 'reversed' }],
  ]);
});

test('two operators who decide at once: one decision stands', async () => {
  const flow = await fixture.flow();
  await fixture.bank.importStatement({
    channel: 'pingan',
    content: bytes(camt054([{ to: flow.subAccountNo, reference: 'TWO', payer: '' }])),
    fileName: 'x',
    format: 'camt054',
    actor: 'operator',
  });
  const [review] = await fixture.bank.listReviews({ state: 'open' });
  fixture.identity.told = [];
  const decisions = await Promise.allSettled(
    (['accept', 'refuse', 'accept', 'refuse'] as const).map((decision) =>
      fixture.bank.resolveReview({ transactionId: review!.transactionId, decision, reason: 'x', actor: 'operator' }),
    ),
  );
  expect(decisions.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(fixture.identity.told).toHaveLength(1);
});
