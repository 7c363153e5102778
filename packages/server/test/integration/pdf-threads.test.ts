import { createHash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { checkPdf, createPdfThreads, signPdfPages } from '../../src/documents/index.ts';
import type { PdfSignature, PdfWork } from '../../src/documents/index.ts';
import { DomainError } from '../../src/platform/errors.ts';
import { pdfOf } from '../support/raw-pdf.ts';
import { blankPdf, extractSignatures, opensslVerify, pdfsig, sealAt, testSigner } from '../support/signed-pdf.ts';

const SIGNED_AT = new Date('2026-03-01T16:30:05.000Z');
const LIMITS = { bytesMax: 100 * 1024 * 1024 };
const signer = await testSigner('RSA-2048', '上海甲房地产经纪有限公司');
const closing: PdfWork[] = [];

afterEach(async () => {
  for (const work of closing.splice(0)) await work.close();
});

function threads(limits: Parameters<typeof createPdfThreads>[0] = {}): PdfWork {
  const work = createPdfThreads({ threads: 1, ...limits });
  closing.push(work);
  return work;
}

function signaturesOn(count: number): PdfSignature[] {
  return Array.from({ length: count }, (_, index) => ({
    fieldName: `signature-${index + 1}`,
    widget: sealAt(index, 300, 400),
  }));
}

function signed(work: PdfWork, pdf: Buffer, signatures: readonly PdfSignature[] = signaturesOn(1)) {
  return work.sign({ pdf, signer, signedAt: SIGNED_AT, name: '甲', limits: LIMITS, place: () => signatures });
}

describe('a file that is signed on a thread', () => {
  test('has the bytes it would have without one, and the hash that is named', async () => {
    const pdf = await blankPdf(3);
    const expected = await signPdfPages({
      pdf,
      signatures: signaturesOn(3),
      signer,
      signedAt: SIGNED_AT,
      name: '甲',
    });
    const { pieces, sha256 } = await signed(threads(), Buffer.from(pdf), signaturesOn(3));
    const whole = Buffer.concat(pieces);
    expect(whole.equals(expected)).toBe(true);
    expect(sha256).toBe(createHash('sha256').update(whole).digest('hex'));
    expect((await pdfsig(whole)).map(({ valid }) => valid)).toEqual([true, true, true]);
    for (const signature of extractSignatures(whole)) {
      expect(await opensslVerify(signature, signer.rootPem)).toContain('CAdES Verification successful');
    }
  });

  test('is moved and not copied', async () => {
    const pdf = Buffer.from(new Uint8Array(await blankPdf(1)).buffer);
    const { pieces, release } = await signed(threads(), pdf);
    expect(pdf.length).toBe(0);
    expect(pieces[0]!.length).toBeGreaterThan(0);
    release();
    expect(pieces.map(({ length }) => length)).toEqual([0, 0]);
  });

  test('is placed with the sizes of its pages in hand', async () => {
    const pdf = await blankPdf(2);
    const job = { signer, signedAt: SIGNED_AT, limits: LIMITS };
    let seen: readonly unknown[] = [];
    await threads().sign({ ...job, pdf, place: (pages) => ((seen = pages), signaturesOn(2)) });
    expect(seen).toEqual([
      { width: 595, height: 842 },
      { width: 595, height: 842 },
    ]);
  });

  test('is placed by the sizes of its pages when it is signed again, and comes out the same', async () => {
    const work = threads();
    const first = await blankPdf(2);
    const sha256Of = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    const job = { signer, signedAt: SIGNED_AT, limits: LIMITS };
    const [one, two] = signaturesOn(2) as [PdfSignature, PdfSignature];
    const place = (signature: PdfSignature) => (pages: readonly unknown[]) => {
      expect(pages).toHaveLength(2);
      return [signature];
    };
    const once = await work.sign({ ...job, pdf: Buffer.from(first), sha256: sha256Of(first), place: place(one) });
    const signedOnce = Buffer.concat(once.pieces);
    const again = await work.sign({ ...job, pdf: Buffer.from(signedOnce), sha256: once.sha256, place: place(two) });
    const expected = await signPdfPages({ ...job, pdf: first, signatures: [one, two] });
    expect(Buffer.concat(again.pieces).equals(expected)).toBe(true);
    // What is known of a file is of no use for other bytes.
    const other = { ...job, pdf: await blankPdf(1), sha256: once.sha256, place: place(one) };
    await expect(work.sign(other)).rejects.toMatchObject({ code: 'stored_file_damaged' });
  });

  test('many at once come out each as its own', async () => {
    const work = threads({ threads: 2 });
    const pdfs = await Promise.all([1, 2, 3, 4, 5, 6].map((pages) => blankPdf(pages)));
    const all = await Promise.all(pdfs.map((pdf, index) => signed(work, Buffer.from(pdf), signaturesOn(index + 1))));
    for (const [index, { pieces }] of all.entries()) {
      expect(pieces[0]!.equals(pdfs[index]!)).toBe(true);
      expect(pieces).toHaveLength(index + 2);
    }
  });
});

describe('what cannot be signed', () => {
  test('is refused by its reason, and the next file is signed', async () => {
    const work = threads();
    await expect(signed(work, Buffer.from('%PDF-1.7\n'))).rejects.toMatchObject({ code: 'damaged' });
    await expect(signed(work, await blankPdf(1), [...signaturesOn(1), ...signaturesOn(1)])).rejects.toMatchObject({
      code: 'field_name_taken',
    });
    expect((await signed(work, await blankPdf(1))).pieces).toHaveLength(2);
  });

  test('bytes that are not those that were stored are not signed', async () => {
    const place = () => signaturesOn(1);
    const job = { pdf: await blankPdf(1), sha256: '0'.repeat(64), signer, signedAt: SIGNED_AT, limits: LIMITS, place };
    await expect(threads().sign(job)).rejects.toMatchObject({ code: 'stored_file_damaged' });
  });

  test('a fault of the caller or its key is the caller’s, and the next file is signed', async () => {
    const work = threads();
    const job = { pdf: await blankPdf(1), signer, signedAt: SIGNED_AT, limits: LIMITS };
    const place = () => Promise.reject(new DomainError('sign_field_invalid'));
    await expect(work.sign({ ...job, place })).rejects.toMatchObject({ code: 'sign_field_invalid' });
    const broken = { ...signer, signDetached: () => Promise.reject(new Error('the key is away')) };
    const again = { ...job, pdf: await blankPdf(1), signer: broken, place: () => signaturesOn(1) };
    await expect(work.sign(again)).rejects.toThrow('the key is away');
    expect((await signed(work, await blankPdf(1))).pieces).toHaveLength(2);
  });

  test('more work than may wait is turned away', async () => {
    const work = threads({ queueMax: 1 });
    const pdfs = await Promise.all([1, 2, 3].map(() => blankPdf(1)));
    const settled = await Promise.allSettled(pdfs.map((pdf) => signed(work, pdf)));
    const reasons = settled.filter((each) => each.status === 'rejected').map((each) => each.reason as DomainError);
    expect(reasons.map(({ code }) => code)).toEqual(['pdf_threads_busy']);
  });

  test('nothing is begun once they are closed', async () => {
    const work = threads();
    await work.close();
    await expect(signed(work, await blankPdf(1))).rejects.toMatchObject({ code: 'pdf_threads_closed' });
  });
});

describe('a rehearsal', () => {
  const rehearse = (work: PdfWork, pdf: Buffer, pages: readonly number[], grownBytesMax = LIMITS.bytesMax) => {
    const widgets = pages.map((page) => sealAt(page, 300, 400));
    return work.rehearse({ pdf, limits: LIMITS, grownBytesMax, place: async () => widgets });
  };

  test('gives the file back as it was', async () => {
    const pdf = await blankPdf(2);
    const rehearsal = await rehearse(threads(), Buffer.from(pdf), [0, 1]);
    expect(rehearsal.refusal).toBeUndefined();
    expect(rehearsal.pdf.equals(pdf)).toBe(true);
  });

  test('says why not, with the file', async () => {
    const work = threads();
    const pdf = await blankPdf(2);
    expect(await rehearse(work, Buffer.from(pdf), [0, 1], pdf.length + 100)).toMatchObject({ refusal: 'too_large' });
    const junk = Buffer.from('<html>');
    const { refusal, pdf: returned } = await rehearse(work, junk, [0]);
    expect([refusal, returned.toString()]).toEqual(['not_a_pdf', '<html>']);
  });

  test('is given up where its places are no good', async () => {
    const pdf = await blankPdf(2);
    const place = () => Promise.resolve(null);
    const job = { pdf: Buffer.from(pdf), limits: LIMITS, grownBytesMax: LIMITS.bytesMax, place };
    const rehearsal = await threads().rehearse(job);
    expect([rehearsal.refusal, rehearsal.pdf.equals(pdf)]).toEqual([undefined, true]);
  });
});

test('a file is checked on a thread as without one', async () => {
  const work = threads();
  const pdf = await blankPdf(2);
  expect(await work.check(Buffer.from(pdf), LIMITS)).toEqual(checkPdf(pdf));
  expect(await work.check(Buffer.from('<html>'), LIMITS)).toMatchObject({ ok: false, reason: 'not_a_pdf' });
});

describe('a file that ends its thread', () => {
  const job = { limits: LIMITS, grownBytesMax: LIMITS.bytesMax };

  test('by its time is refused as too complex, and another thread works on', async () => {
    const work = threads({ turnMs: 2 });
    const pages = Array.from({ length: 1500 }, (_, pageIndex) => sealAt(pageIndex, 100, 100));
    const long = { ...job, pdf: await blankPdf(1500), place: async () => pages };
    expect(await work.rehearse(long)).toMatchObject({ refusal: 'too_complex' });
    const junk = { ...job, pdf: Buffer.from('<html>'), place: async () => [] };
    expect(['not_a_pdf', 'too_complex']).toContain((await work.rehearse(junk)).refusal);
  });

  test('by its memory is refused as too complex, and another thread works on', async () => {
    const work = threads({ heapMbMax: 16 });
    const values = `[${'[/a (b)]'.repeat(600_000)}]`;
    const pdf = pdfOf([
      '<</Type/Catalog/Pages 2 0 R>>',
      `<</Kids[3 0 R]/X ${values}>>`,
      '<</Type/Page/MediaBox[0 0 9 9]>>',
    ]);
    expect(await work.rehearse({ ...job, pdf, place: async () => [] })).toMatchObject({ refusal: 'too_complex' });
    expect((await signed(work, await blankPdf(1))).pieces).toHaveLength(2);
  }, 120_000);
});
