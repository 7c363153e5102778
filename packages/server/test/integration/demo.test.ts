import { execFile } from 'node:child_process';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CONTRACT_FILE } from '../../src/demo/stage.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const run = promisify(execFile);
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await makeTemporaryFolder('yinxin-demo-test-');
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

test('the demo holds from an empty directory to an acknowledged callback, and leaves the contract and its log', async () => {
  const temporary = join(folder, 'tmp');
  await mkdir(temporary, { mode: 0o755 });
  const { stdout } = await run(process.execPath, [MAIN, 'demo', '--once'], {
    env: { PATH: process.env['PATH'], TMPDIR: temporary },
    timeout: 150_000,
  });
  expect(stdout).toContain('All of it held');
  for (const process of ['before: CREATED', 'between: UN_RECEIVED', 'after: ORGANFINISHED']) {
    expect(stdout).toContain(`reversePaymentProcess ${process}`);
  }
  expect(stdout).toContain('"data":{"revokeResult":true}');
  expect(stdout).toContain('flow_status "3"');
  expect(stdout).toContain('GET /api/callback → 000 成功');
  const directory = (await readdir(temporary)).find((name) => name.startsWith('yinxin-demo-')) ?? '';
  expect((await readdir(join(temporary, directory))).toSorted()).toEqual([
    'nothing-yet.camt054.xml',
    'paid.camt054.xml',
    'service.log',
    CONTRACT_FILE,
  ]);

  const contract = join(temporary, directory, CONTRACT_FILE);
  const verdicts = (await run('pdfsig', ['-nocert', contract])).stdout.match(/Signature Validation: .*/g);
  expect(verdicts).toHaveLength(6);
  expect(new Set(verdicts)).toEqual(new Set(['Signature Validation: Signature is Valid.']));
  await run('qpdf', ['--check', contract]);
}, 180_000);
