import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signPdf } from '../../src/documents/index.ts';
import { blankPdf, sealAt, testSigner } from '../support/signed-pdf.ts';
import { runCorpus } from './corpus.ts';
import { examine, signatureFaults, type Signers } from './examine.ts';
import { pageDifference } from './pixels.ts';
import { examinedLine } from './table.ts';

/** Files that each machine has or makes: qpdf's, poppler's, Chromium's, and accidents to them. */
const FILES_MIN = 25;
/** A handful of manuals take as long as all others; the run by hand has them too. */
const BYTES_MAX = 300_000;

test('every PDF that others made is signed twice and stays sound, or is refused with a reason that fits', async () => {
  const { examined, missing } = await runCorpus({ bring: true, filesAtOnce: 2, bytesMax: BYTES_MAX });
  if (missing.length > 0) console.log(`corpus, not here: ${missing.join('; ')}`);
  expect(examined.filter(({ faults }) => faults.length > 0).map(examinedLine)).toEqual([]);
  expect(examined.length).toBeGreaterThan(FILES_MIN);
  const outcomes = new Set(examined.map(({ outcome }) => (outcome.kind === 'signed' ? 'signed' : outcome.reason)));
  for (const outcome of ['signed', 'encrypted', 'damaged', 'header_not_first', 'not_a_pdf']) {
    expect(outcomes).toContain(outcome);
  }
}, 900_000);

describe('the examination finds', () => {
  let directory = '';
  let signers: Signers;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'yinxin-corpus-test-'));
    signers = [await testSigner('RSA-2048', '甲'), await testSigner('P-256', '乙')];
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  async function difference(before: Buffer, after: Buffer, boxes: Parameters<typeof pageDifference>[3]) {
    const paths = [join(directory, 'before.pdf'), join(directory, 'after.pdf')] as const;
    await Promise.all([writeFile(paths[0], before), writeFile(paths[1], after)]);
    return pageDifference(directory, paths, 1, boxes);
  }

  test('a seal that stands elsewhere, and one that is not seen', async () => {
    const pdf = await blankPdf(1);
    const act = { fieldName: 'a', signer: signers[1], signedAt: new Date(0) };
    const signed = await signPdf({ ...act, pdf, widget: sealAt(0, 300, 400) });
    const there = [250 / 595, 350 / 842, 350 / 595, 450 / 842] as const;
    expect(await difference(pdf, signed, [there])).toBeNull();
    expect(await difference(pdf, signed, [[0, 0, 0.1, 0.1]])).toContain('outside of its seals');
    expect(await difference(pdf, pdf, [there])).toContain('is not seen');
  });

  test('signatures that are missing, and bytes that are not the same', async () => {
    const pdf = await blankPdf(1);
    expect(await signatureFaults(pdf, pdf, signers)).not.toEqual([]);
    const other = Buffer.from(pdf);
    other[other.indexOf('595')] = 0x36;
    expect(await signatureFaults(pdf, other, signers)).toContain('the bytes before are not the same');
  });

  test('a refusal that nobody else bears out', async () => {
    const pdf = await blankPdf(1);
    const file = { name: 'sound.pdf', origin: 'here', bytes: pdf };
    expect((await examine(directory, file, signers)).faults).toEqual([]);
    const cut = { ...file, bytes: pdf.subarray(0, pdf.length - 40) };
    expect(await examine(directory, cut, signers)).toMatchObject({ outcome: { reason: 'damaged' }, faults: [] });
  });
});
