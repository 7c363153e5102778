import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { extractSignatures } from '../support/signed-pdf.ts';
import { startSigningFixture, type SigningFixture } from '../support/signing-fixture.ts';
import { sm2Judge, type Sm2Judge } from '../support/sm2-judge.ts';

let judge: Sm2Judge;
let fixture: SigningFixture;
beforeAll(async () => {
  judge = await sm2Judge();
  fixture = await startSigningFixture({}, { keyAlgorithm: 'SM2' });
});
afterAll(async () => {
  await fixture.close();
  await judge[Symbol.asyncDispose]();
});

describe('a flow that is signed with SM2', () => {
  test('openssl', async () => {
    const flowId = await fixture.openedFlow();
    expect(await fixture.state(flowId)).toBe('done');
    const pdf = await fixture.newestFile(flowId);
    await (await import('node:fs/promises')).writeFile('/tmp/sm2p/flow.pdf', pdf);
    const signatures = extractSignatures(pdf);
    for (const each of signatures) console.log(await judge.judge(each));
  });
});
