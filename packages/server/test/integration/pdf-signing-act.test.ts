import { PDFDocument } from '@cantoo/pdf-lib';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  checkPdf,
  placeSeal,
  signPdf,
  signPdfPages,
  sliceAppearance,
  widgetsByPage,
} from '../../src/documents/index.ts';
import type { PdfSignature, Widget } from '../../src/documents/index.ts';
import { pdfOf } from '../support/raw-pdf.ts';
import {
  blankPdf,
  drawingAt,
  extractSignatures,
  isRed,
  opensslVerify,
  pdfsig,
  qpdfCheck,
  RED,
  render,
  sealAt,
  stripe,
  testSigner,
  throughQpdf,
} from '../support/signed-pdf.ts';
import type { TestSigner } from '../support/signed-pdf.ts';

const SIGNED_AT = new Date('2026-03-01T16:30:05.000Z');

let signer: TestSigner;
beforeAll(async () => {
  signer = await testSigner('RSA-2048', '上海甲房地产经纪有限公司');
});

/** All signatures of one act: each valid, by pdfsig and openssl; as many as there are byte ranges; the last whole. */
async function expectSoundAct(signed: Buffer, names: readonly string[]): Promise<void> {
  const report = await pdfsig(signed);
  expect(report.map(({ field, valid }) => [field, valid])).toEqual(names.map((name) => [name, true]));
  expect(report.filter(({ whole }) => whole)).toEqual([report.at(-1)]);
  const signatures = extractSignatures(signed);
  expect(signatures).toHaveLength(names.length);
  for (const signature of signatures) {
    expect(await opensslVerify(signature, signer.rootPem)).toContain('CAdES Verification successful');
  }
  const check = await qpdfCheck(signed);
  expect(check.status, check.text).toBe(0);
}

describe('several seals of one act', () => {
  const signPages = (pdf: Buffer, signatures: readonly PdfSignature[]) =>
    signPdfPages({ pdf, signatures, signer, signedAt: SIGNED_AT, reason: '签署合同' });
  const signOnce = (pdf: Buffer, widget: Widget) =>
    signPdf({ pdf, fieldName: '签名', widget, signer, signedAt: SIGNED_AT });
  const named = (widgets: readonly Widget[]): PdfSignature[] =>
    widgets.map((widget) => ({ fieldName: `签名-${widget.pageIndex + 1}`, widget }));

  test('on one page are the appearance of one signature, with nothing between them', async () => {
    const widget: Widget = { pageIndex: 0, drawings: [drawingAt(100, 100), drawingAt(400, 700, '#0000D0')] };
    const signed = await signOnce(await blankPdf(1), widget);
    await expectSoundAct(signed, ['签名']);
    expect(await isRed(signed, 1, [100, 100], [55, 145], [250, 400], [400, 700])).toEqual([true, true, false, false]);
    const image = await render(signed, 1);
    expect(image.colourAt(400, 700)).toEqual([0, 0, 0xd0]);
    for (const [x, y] of [
      [160, 100],
      [100, 160],
      [250, 400],
      [340, 700],
    ] as const) {
      expect(image.colourAt(x, y)).toEqual([255, 255, 255]);
    }
  });

  test('a drawing is shown as large as its place, and nothing of it beyond', async () => {
    const wide = { width: 200, height: 200, paths: [stripe(RED, -100, 400, 300)] };
    const widget: Widget = { pageIndex: 0, drawings: [{ rect: [100, 100, 150, 150], appearance: wide }] };
    const widgets: Widget = { ...widget, drawings: [...widget.drawings, drawingAt(400, 400)] };
    for (const each of [widget, widgets]) {
      const signed = await signOnce(await blankPdf(1), each);
      expect(await isRed(signed, 1, [102, 102], [148, 148], [95, 120], [155, 120], [120, 155])).toEqual([
        true,
        true,
        false,
        false,
        false,
      ]);
    }
  });

  test('on several pages are a signature on each, with one widget each', async () => {
    const drawings = [
      { pageIndex: 2, ...drawingAt(300, 400) },
      { pageIndex: 0, ...drawingAt(100, 100) },
      { pageIndex: 0, ...drawingAt(400, 700) },
    ];
    const pdf = await blankPdf(3);
    const signed = await signPages(pdf, named(widgetsByPage(drawings)));
    expect(signed.subarray(0, pdf.length).equals(pdf)).toBe(true);
    await expectSoundAct(signed, ['签名-1', '签名-3']);
    const fields = (await PDFDocument.load(signed)).getForm().getFields();
    expect(fields.map((field) => field.acroField.getWidgets().length)).toEqual([1, 1]);
    expect(signed.toString('latin1')).not.toMatch(/\/Parent \d+ 0 R\n\/FT|\/Kids \[\d+ 0 R\]\n\/FT/);
    expect(await isRed(signed, 1, [100, 100], [400, 700], [300, 400])).toEqual([true, true, false]);
    expect(await isRed(signed, 2, [100, 100], [300, 400])).toEqual([false, false]);
    expect(await isRed(signed, 3, [300, 400], [100, 100])).toEqual([true, false]);
  });

  const shared = () => {
    const page = '<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Annots 6 0 R>>';
    const pages = '<</Type/Pages/Kids[3 0 R 4 0 R 5 0 R]/Count 3>>';
    const catalog = '<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[]>>>>';
    return pdfOf([catalog, pages, page, page, page, '[]']);
  };

  test.each<[string, () => Buffer | Promise<Buffer>]>([
    ['a cross-reference table', () => blankPdf(3)],
    ['object streams', async () => throughQpdf(await blankPdf(3), '--object-streams=generate')],
    ['a linearized file', async () => throughQpdf(await blankPdf(3), '--linearize')],
    ['a tail that is no PDF', async () => Buffer.concat([await blankPdf(3), Buffer.from('tail')])],
    ['annotations that all pages share', shared],
  ])('are what as many acts would have made: %s', async (_, make) => {
    const pdf = await make();
    const signatures = named([0, 1, 2].map((pageIndex) => sealAt(pageIndex, 100 + 100 * pageIndex, 300)));
    const atOnce = await signPages(pdf, signatures);
    let oneByOne = pdf;
    for (const signature of signatures) oneByOne = await signPages(oneByOne, [signature]);
    // RSA signs the same bytes alike, so what was never read back must have been known exactly.
    expect(atOnce.equals(oneByOne)).toBe(true);
    await expectSoundAct(atOnce, ['签名-1', '签名-2', '签名-3']);
    for (const page of [1, 2, 3]) {
      expect(await isRed(atOnce, page, [100, 300], [200, 300], [300, 300])).toEqual(
        [1, 2, 3].map((each) => each === page),
      );
    }
  });

  test('a field name twice in one act is noticed', async () => {
    const signatures = [0, 1].map((pageIndex) => ({ fieldName: '签名', widget: sealAt(pageIndex, 300, 400) }));
    await expect(signPages(await blankPdf(2), signatures)).rejects.toMatchObject({ code: 'field_name_taken' });
  });

  test('a cross-page seal shows a slice on each page, flush with its edge, and the slices make the seal', async () => {
    const pdf = await blankPdf(4);
    const check = checkPdf(pdf);
    if (!check.ok) throw new Error(check.reason);
    // Four stripes: each page has to show its own.
    const colours = ['#D00000', '#00A000', '#0000D0', '#D0D000'];
    const seal = {
      width: 120,
      height: 120,
      paths: colours.map((fill, index) => stripe(fill, index * 30, 30, 120)),
    };
    const placed = placeSeal({ kind: 'cross-page', positions: [{ pages: 'all', y: 500 }] }, seal, check.pages);
    if (!placed.ok) throw new Error(placed.fault.reason);
    const slices = placed.places.map(({ pageIndex, rect, slice }) => ({
      pageIndex,
      rect,
      appearance: slice ? sliceAppearance(seal, slice.count, slice.index) : seal,
    }));
    const signed = await signPages(pdf, named(widgetsByPage(slices)));
    await expectSoundAct(signed, ['签名-1', '签名-2', '签名-3', '签名-4']);
    for (const [index, colour] of colours.entries()) {
      const image = await render(signed, index + 1);
      const expected = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
      expect(image.colourAt(594, 500)).toEqual(expected);
      expect(image.colourAt(566, 500)).toEqual(expected);
      expect(image.colourAt(563, 500)).toEqual([255, 255, 255]);
    }
    // The drawing stands in the file once.
    expect(signed.toString('latin1').match(/\/BBox \[-1 -1 121 121\]/g)).toHaveLength(1);
  });
});
