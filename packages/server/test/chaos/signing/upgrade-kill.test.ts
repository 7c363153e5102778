import { fork, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { readSignatures } from '../../../src/documents/index.ts';
import { contractPdf } from '../../support/contract-pdf.ts';
import { createTestDatabase } from '../../support/database.ts';
import { startHttpStub } from '../../support/http-stub.ts';
import { pdfsig, qpdfCheck } from '../../support/signed-pdf.ts';
import { openSigningSite, type SiteTerms } from './site.ts';

const database = await createTestDatabase();
const folder = await mkdtemp(join(tmpdir(), 'yinxin-upgrade-kill-'));
const outside = await startHttpStub();
afterAll(async () => {
  await outside.close();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const LOOK_AGAIN_MS = 40;
/**
 * Of the twelve steps of an upgrade to B-LTA: it begins, has read the file, has evidence of the first certificate and of
 * the second, has its timestamp, is about to store, has stored, is done.
 */
const DEADLY_STEPS = [1, 3, 5, 7, 9, 10, 11, 12];

async function start(terms: SiteTerms, name: string, stepsLeft?: number): Promise<ChildProcess> {
  const last = stepsLeft === undefined ? [] : [String(stepsLeft)];
  const file = new URL('upgrade-node.ts', import.meta.url);
  const child = fork(file, [name, JSON.stringify(terms), ...last], { execArgv: [] });
  await Promise.race([once(child, 'message'), once(child, 'exit')]);
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

test('a node killed at any step of an upgrade leaves a document that gets to its level, with one timestamp', async () => {
  const terms = {
    databaseUrl: database.url,
    folder,
    masterKey: randomBytes(32).toString('hex'),
    level: 'B-LTA',
  } as const;
  const site = await openSigningSite(terms, 'upgrade-kill', () => undefined);
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const actor = 'operator';
  const { app } = await site.apps.create({ name: '测试应用', publicKey: pem, actor });
  const { appId } = app;
  const org = {
    appId,
    bizOrgNo: 'o',
    orgType: '01',
    orgName: '北京易楼房地产经纪有限公司',
    actor,
    details: {},
  } as const;
  const { etcOrgNo } = await site.parties.createOrg(org);
  await site.parties.verifyOrg({ appId, etcOrgNo, reason: '营业执照已核对', actor });
  const { etcMemberNo } = await site.parties.createMember({
    appId,
    etcOrgNo,
    bizMemberNo: 'm',
    memberName: '张三',
    actor,
  });
  const fileUrl = outside.answer('/contract.pdf', await contractPdf(2));
  const positions = [1, 2].map((page) => ({ page, x: 300, y: 200 }));
  const field = { autoExecute: true, placement: { kind: 'page' as const, positions }, width: null, date: null };

  async function untilOneRow(query: string, values: readonly unknown[]): Promise<Record<string, string>> {
    for (;;) {
      const { rows } = await site.database.pool.query<Record<string, string>>(query, [...values]);
      if (rows[0] !== undefined) return rows[0];
      await wait(LOOK_AGAIN_MS);
    }
  }

  let killed = 0;
  try {
    for (const stepsLeft of DEADLY_STEPS) {
      const doomed = await start(terms, `doomed-${stepsLeft}`, stepsLeft);
      const dead = once(doomed, 'exit');
      const { flowRequestId } = await site.signing.createFlow({
        appId,
        bizRequestNo: null,
        fileUrl,
        fileName: '合同.pdf',
        notifyUrl: `${outside.url}/notify`,
        signValidity: null,
        finishNotifyFlag: false,
        signers: [],
        initiator: { etcMemberNo, signOrder: 1, fields: [field] },
      });
      // It dies on its way, or has done it all before.
      const isDone = untilOneRow(
        `select 1 from signature_upgrade u join sign_flow f using (app_id, flow_id)
         where f.flow_request_id = $1 and u.renewal`,
        [flowRequestId],
      );
      await Promise.race([dead, isDone]);
      await end(doomed);
      killed += doomed.signalCode === 'SIGKILL' && !doomed.killed ? 1 : 0;
      const survivor = await start(terms, `survivor-${stepsLeft}`);
      await isDone;
      await end(survivor);

      const flow = await untilOneRow('select file_id, state from sign_flow where flow_request_id = $1', [
        flowRequestId,
      ]);
      const { bytes } = await site.documents.readFile({ appId, fileId: flow['file_id']! });
      const kinds = readSignatures(bytes, { bytesMax: 10_000_000 }).map(({ kind }) => kind);
      expect([flow['state'], ...kinds]).toEqual(['done', 'signature', 'signature', 'timestamp']);
      expect((await pdfsig(bytes)).filter(({ valid }) => valid)).toHaveLength(2);
      expect((await qpdfCheck(bytes)).status).toBe(0);
    }
  } finally {
    await site.close();
  }
  // Nodes that nobody killed would show nothing.
  expect(killed).toBeGreaterThan(DEADLY_STEPS.length / 2);
}, 300_000);
