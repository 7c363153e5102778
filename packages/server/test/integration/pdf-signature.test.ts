import { PDFDocument, degrees } from '@cantoo/pdf-lib';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkPdf, signPdf } from '../../src/documents/index.ts';
import type { SignPdfOptions, Widget } from '../../src/documents/index.ts';
import { CATALOG, hybridPdf, PAGE, PAGES, pdfOf } from '../support/raw-pdf.ts';
import {
  blankPdf,
  extractSignatures,
  isRed,
  opensslVerify,
  pdfsig,
  qpdfCheck,
  render,
  RED,
  sealAt,
  stripe,
  testSigner,
  throughQpdf,
} from '../support/signed-pdf.ts';
import type { TestSigner } from '../support/signed-pdf.ts';

const SIGNED_AT = new Date('2026-03-01T16:30:05.000Z');

let rsa: TestSigner;
let ec: TestSigner;
beforeAll(async () => {
  rsa = await testSigner('RSA-2048', '上海甲房地产经纪有限公司');
  ec = await testSigner('P-256', '北京乙置业（集团）有限公司');
});

async function sign(pdf: Buffer, fieldName: string, signer: TestSigner, options: Partial<SignPdfOptions> = {}) {
  const signed = await signPdf({
    pdf,
    fieldName,
    signer,
    signedAt: SIGNED_AT,
    widget: sealAt(0, 300, 400),
    name: '上海甲房地产经纪有限公司',
    reason: '签署合同',
    ...options,
  });
  expect(signed.subarray(0, pdf.length).equals(pdf)).toBe(true);
  return signed;
}

/** One, two, three signatures over the same file; all of them valid each time, and qpdf has nothing to say. */
async function expectThreeSignatures(pdf: Buffer): Promise<Buffer> {
  const signers: [string, TestSigner][] = [
    ['签名一', rsa],
    ['签名二', ec],
    ['签名三', rsa],
  ];
  let current = pdf;
  for (const [index, [field, signer]] of signers.entries()) {
    current = await sign(current, field, signer, { widget: sealAt(0, 100 + index * 150, 400) });
    const report = await pdfsig(current);
    expect(report.map(({ field: name, valid }) => [name, valid])).toEqual(
      signers.slice(0, index + 1).map(([name]) => [name, true]),
    );
    expect(report.at(-1)!.whole).toBe(true);
    const check = await qpdfCheck(current);
    expect(check.status, check.text).toBe(0);
  }
  const signatures = extractSignatures(current);
  expect(signatures).toHaveLength(3);
  for (const [index, signature] of signatures.entries()) {
    expect(await opensslVerify(signature, signers[index]![1].rootPem)).toContain('CAdES Verification successful');
  }
  return current;
}

describe('three signatures stay valid', () => {
  test('on a file with a cross-reference table', async () => {
    const signed = await expectThreeSignatures(await blankPdf(2));
    expect((await pdfsig(signed)).map(({ commonName }) => commonName)).toEqual([
      '上海甲房地产经纪有限公司',
      '北京乙置业（集团）有限公司',
      '上海甲房地产经纪有限公司',
    ]);
    expect(await isRed(signed, 1, [100, 400], [250, 400], [400, 400], [175, 400])).toEqual([true, true, true, false]);
  });

  test('on a file with object streams and a cross-reference stream', async () => {
    await expectThreeSignatures(await throughQpdf(await blankPdf(3), '--object-streams=generate'));
  });

  test('on a linearized file', async () => {
    await expectThreeSignatures(await throughQpdf(await blankPdf(3), '--linearize'));
  });

  test('on a linearized file with object streams', async () => {
    await expectThreeSignatures(await throughQpdf(await blankPdf(3), '--linearize', '--object-streams=generate'));
  });

  test('on a file that ends in bytes that are no PDF', async () => {
    const garbage = Buffer.concat([await blankPdf(1), Buffer.from('\0\0\0 tail without a line break')]);
    await expectThreeSignatures(garbage);
  });

  test('on a hybrid file', async () => {
    await expectThreeSignatures(hybridPdf());
  });

  test('on a file whose form, its fields and the pages’ annotations are objects of their own', async () => {
    const text = '<</Type/Annot/Subtype/Widget/FT/Tx/T(x)/Rect[0 0 9 9]/P 3 0 R>>';
    const page = '<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Annots 6 0 R>>';
    const pages = '<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2>>';
    const catalog = '<</Type/Catalog/Pages 2 0 R/AcroForm 5 0 R>>';
    const pdf = pdfOf([catalog, pages, page, page, '<</Fields 7 0 R>>', '[8 0 R]', '[8 0 R]', text]);
    const signed = await expectThreeSignatures(pdf);
    // Both pages share one array of annotations: a seal on the first is none on the second.
    expect(await isRed(signed, 1, [100, 400])).toEqual([true]);
    expect(await isRed(signed, 2, [100, 400])).toEqual([false]);
  });

  test('on a file whose form asks viewers to draw its fields anew: the seal is seen all the same', async () => {
    const catalog = '<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[]/NeedAppearances true>>>>';
    const signed = await sign(pdfOf([catalog, PAGES, PAGE]), '签名', rsa);
    expect(await isRed(signed, 1, [300, 400])).toEqual([true]);
  });

  test('without a change to the page but its annotations, to the last decimal of its box', async () => {
    const page = PAGE.replace('[0 0 595 842]', '[0 0 595.303937007874 841.889763779528]');
    const signed = await sign(pdfOf([CATALOG, PAGES, page]), '签名', rsa);
    expect(signed.toString('latin1').split('595.303937007874 841.889763779528]')).toHaveLength(3);
  });

  test('on a file with a form of its own', async () => {
    const document = await PDFDocument.create();
    const page = document.addPage([595, 842]);
    const field = document.getForm().createTextField('甲方');
    field.setText('plain');
    field.addToPage(page, { x: 50, y: 700 });
    const signed = await expectThreeSignatures(Buffer.from(await document.save({ useObjectStreams: false })));
    const fields = (await PDFDocument.load(signed)).getForm().getFields();
    expect(fields.map((each) => each.getName())).toEqual(['甲方', '签名一', '签名二', '签名三']);
  });
});

describe('what a signature says', () => {
  test('its time in China, its subfilter, and no signing-time attribute', async () => {
    const signed = await sign(await blankPdf(1), '签名', rsa);
    const text = signed.toString('latin1');
    expect(text).toContain("/M (D:20260302003005+08'00')");
    expect(text).toContain('/SubFilter /ETSI.CAdES.detached');
    expect(text).toContain('/SigFlags 3');
    expect(text).not.toContain('NeedAppearances');
    const [signature] = extractSignatures(signed);
    const signingTime = Buffer.from('06092a864886f70d010905', 'hex');
    const signingCertificateV2 = Buffer.from('060b2a864886f70d010910022f', 'hex');
    expect(signature!.cms.includes(signingTime)).toBe(false);
    expect(signature!.cms.includes(signingCertificateV2)).toBe(true);
  });

  test('one changed byte anywhere in it is noticed', async () => {
    const signed = await sign(await blankPdf(1), '签名', ec);
    const at = signed.indexOf('/MediaBox');
    const changed = Buffer.from(signed);
    changed.write('/mediaBox', at, 'latin1');
    expect((await pdfsig(changed)).map(({ valid }) => valid)).toEqual([false]);
    expect(await opensslVerify(extractSignatures(changed)[0]!, ec.rootPem)).toContain('Verification failure');
  });

  test('another root does not vouch for it', async () => {
    const signed = await sign(await blankPdf(1), '签名', rsa);
    expect(await opensslVerify(extractSignatures(signed)[0]!, ec.rootPem)).toContain('certificate verify error');
  });

  test('a field name is used once', async () => {
    const signed = await sign(await blankPdf(1), '签名', rsa);
    await expect(sign(signed, '签名', ec)).rejects.toMatchObject({ code: 'field_name_taken' });
  });
});

describe('pages that are turned or cut', () => {
  /** Its left half red, its right half blue: shows which way up it is. */
  const twoHalves = {
    width: 100,
    height: 100,
    paths: [stripe(RED, 0, 50, 100), stripe('#0000D0', 50, 50, 100)],
  };

  test.each([0, 90, 180, 270])('a page turned by %i degrees has the seal upright where it is seen', async (angle) => {
    const document = await PDFDocument.create();
    const page = document.addPage([595, 842]);
    page.setRotation(degrees(angle));
    page.setCropBox(40, 60, 500, 700);
    const pdf = Buffer.from(await document.save({ useObjectStreams: false }));
    const check = checkPdf(pdf);
    expect(check).toMatchObject({
      ok: true,
      pages: [angle % 180 === 0 ? { width: 500, height: 700 } : { width: 700, height: 500 }],
    });
    const widget: Widget = {
      pageIndex: 0,
      drawings: [
        { rect: [100, 50, 200, 150], appearance: twoHalves },
        { rect: [300, 300, 340, 340], appearance: twoHalves },
      ],
    };
    const image = await render(await sign(pdf, '签名', ec, { widget }), 1);
    expect(image.colourAt(125, 100)).toEqual([0xd0, 0, 0]);
    expect(image.colourAt(175, 100)).toEqual([0, 0, 0xd0]);
    expect(image.colourAt(90, 100)).toEqual([255, 255, 255]);
    expect(image.colourAt(150, 160)).toEqual([255, 255, 255]);
    expect(image.colourAt(305, 320)).toEqual([0xd0, 0, 0]);
    expect(image.colourAt(335, 320)).toEqual([0, 0, 0xd0]);
    expect(image.colourAt(250, 250)).toEqual([255, 255, 255]);
  });
});
