import { PDFDocument, rgb } from '@cantoo/pdf-lib';
import { beforeAll, describe, expect, test } from 'vitest';
import { stream } from '../support/raw-pdf.ts';
import { pdfsig, throughQpdf } from '../support/signed-pdf.ts';
import type { TestSigner } from '../support/signed-pdf.ts';
import {
  annotation,
  bodyOf,
  changed,
  edited,
  forbidden,
  freshNumber,
  report,
  sealed,
  signatureObjects,
  signedContract,
} from '../support/tampering.ts';

let other: TestSigner;
let roots: Buffer[];
/** The contract, signed once, a seal on its first page. */
let signed: Buffer;

beforeAll(async () => {
  ({ other, roots, signed } = await signedContract());
});

test('the contract is valid as it was signed', () => {
  const valid = report(signed, roots);
  expect(valid.verdict).toBe('valid');
  expect(valid.signatures[0]).toMatchObject({ fieldName: '甲', page: 1, coversWholeFile: true, changes: [] });
});

type Tampering = [name: string, tamper: (pdf: Buffer) => Buffer | Promise<Buffer>, code: string, page?: number];

const script = '<</S/JavaScript/JS(app.alert\\(1\\))>>';

const EDITS: Tampering[] = [
  [
    'text over a page',
    (pdf) => edited(pdf, { 7: stream('', Buffer.from('BT /F1 12 Tf (Rent: 9000) Tj ET')) }),
    'page_text_changed',
    1,
  ],
  [
    'more content on a page',
    (pdf) =>
      edited(pdf, {
        4: bodyOf(pdf, 4).replace('/Contents 8 0 R', '/Contents[8 0 R 99 0 R]'),
        99: stream('', Buffer.from('0 0 99 99 re f')),
      }),
    'page_text_changed',
    2,
  ],
  ['pages swapped', (pdf) => changed(pdf, 2, '[3 0 R 4 0 R 5 0 R]', '[3 0 R 5 0 R 4 0 R]'), 'pages_rearranged'],
  [
    'a page replaced',
    (pdf) => edited(pdf, { 2: bodyOf(pdf, 2).replace('4 0 R', '99 0 R'), 99: bodyOf(pdf, 4) }),
    'page_removed',
    2,
  ],
  [
    'a page added',
    (pdf) => edited(pdf, { 2: '<</Type/Pages/Kids[3 0 R 4 0 R 5 0 R 99 0 R]/Count 4>>', 99: bodyOf(pdf, 4) }),
    'page_added',
    4,
  ],
  ['a page removed', (pdf) => edited(pdf, { 2: '<</Type/Pages/Kids[3 0 R 5 0 R]/Count 2>>' }), 'page_removed', 2],
  [
    'another page tree',
    (pdf) =>
      edited(pdf, { 1: bodyOf(pdf, 1).replace('/Pages 2', '/Pages 99'), 99: bodyOf(pdf, 2).replace('[3 0 R ', '[') }),
    'page_removed',
    1,
  ],
  ['a page cut', (pdf) => changed(pdf, 4, '[0 0 595 842]', '[0 0 595 300]'), 'page_size_changed', 2],
  [
    'all pages turned',
    (pdf) => edited(pdf, { 2: bodyOf(pdf, 2).replace('/Count', '/Rotate 180/Count') }),
    'page_size_changed',
  ],
  [
    'a picture replaced',
    (pdf) => edited(pdf, { 12: bodyOf(pdf, 12).replace('/Width 1', '/Width 2') }),
    'image_changed',
    1,
  ],
  ['other resources', (pdf) => changed(pdf, 6, '/Im1 12 0 R', '/Im1 99 0 R'), 'page_resource_changed', 1],
  ['what a font’s characters are called', (pdf) => changed(pdf, 13, '65/A', '65/B'), 'font_changed', 1],
  [
    'what a font’s characters stand for',
    (pdf) => edited(pdf, { 14: stream('', Buffer.from('1 beginbfchar <01> <0042> endbfchar')) }),
    'font_changed',
    1,
  ],
  ['another font', (pdf) => changed(pdf, 11, 'Helvetica', 'Courier'), 'font_changed', 1],
  ['a hidden layer shown', (pdf) => changed(pdf, 1, '/ON[15 0 R]', '/OFF[15 0 R]'), 'layers_changed'],
  [
    'a layer’s own settings',
    (pdf) => changed(pdf, 15, '(Terms)', '(Terms)/Usage<</View<</ViewState/OFF>>>>'),
    'layers_changed',
  ],
  ['a field’s value', (pdf) => changed(pdf, 19, '(1000)', '(9000)'), 'field_filled', 1],
  ['an empty field filled in', (pdf) => changed(pdf, 21, '/V()', '/V(and a car)'), 'field_filled', 1],
  [
    'a field’s look alone',
    (pdf) => edited(pdf, { 20: stream('/Type/XObject/Subtype/Form/BBox[0 0 100 20]', Buffer.from('(9000) Tj')) }),
    'field_filled',
    1,
  ],
  ['a field’s settings', (pdf) => changed(pdf, 19, '/FT/Tx', '/FT/Tx/Ff 1'), 'field_changed', 1],
  [
    'a field added',
    (pdf) =>
      edited(pdf, { 18: bodyOf(pdf, 18).replace(/\/Fields ?\[/, '/Fields[99 0 R '), 99: '<</FT/Tx/T(x)/V(9)>>' }),
    'field_added',
  ],
  ['a field removed', (pdf) => changed(pdf, 18, '19 0 R ', ''), 'field_removed'],
  ['an annotation changed', (pdf) => changed(pdf, 10, '[10 10 60 30]', '[0 0 595 842]'), 'annotation_changed', 1],
  ['where a link leads', (pdf) => changed(pdf, 10, 'example.com', 'example.org'), 'action_changed', 1],
  ['an annotation added', annotation('/Subtype/FreeText/Rect[0 0 50 50]/Contents(paid)'), 'annotation_added', 1],
  ['an annotation over the seal', annotation('/Subtype/Square/IC[1 1 1]/Rect[250 250 350 350]'), 'seal_covered', 1],
  ['an annotation removed', (pdf) => changed(pdf, 3, '10 0 R ', ''), 'annotation_removed', 1],
  ['annotations in another order', (pdf) => changed(pdf, 3, '10 0 R 19 0 R', '19 0 R 10 0 R'), 'annotation_changed', 1],
  [
    'the seal looks otherwise',
    (pdf) =>
      edited(pdf, {
        [signatureObjects(pdf).look]: stream('/Type/XObject/Subtype/Form/BBox[0 0 9 9]', Buffer.from('')),
      }),
    'seal_changed',
    1,
  ],
  [
    'the seal elsewhere',
    (pdf) => changed(pdf, signatureObjects(pdf).field, /\/Rect \[[^\]]*\]/, '/Rect [0 0 50 50]'),
    'seal_changed',
    1,
  ],
  ['the seal hidden', (pdf) => changed(pdf, signatureObjects(pdf).field, '/F 132', '/F 134'), 'seal_changed', 1],
  [
    'the signature removed from the form',
    (pdf) => changed(pdf, 18, new RegExp(` ?${signatureObjects(pdf).field} 0 R`), ''),
    'signature_removed',
  ],
  [
    'the signature’s value removed',
    (pdf) => changed(pdf, signatureObjects(pdf).field, /\/V \d+ 0 R/, ''),
    'signature_removed',
  ],
  ['the signature’s value freed', (pdf) => edited(pdf, { [signatureObjects(pdf).value]: null }), 'signature_replaced'],
  ['the form removed', (pdf) => changed(pdf, 1, '/AcroForm 18 0 R', ''), 'form_changed'],
  [
    'an action as it opens',
    (pdf) => edited(pdf, { 1: bodyOf(pdf, 1).replace('/Pages', `/OpenAction ${script}/Pages`) }),
    'action_changed',
  ],
  [
    'scripts among the names',
    (pdf) =>
      edited(pdf, { 1: bodyOf(pdf, 1).replace('/Pages', `/Names<</JavaScript<</Names[(x)${script}]>>>>/Pages`) }),
    'names_changed',
  ],
  [
    'an action of a page',
    (pdf) => edited(pdf, { 4: bodyOf(pdf, 4).replace('/Parent', `/AA<</O ${script}>>/Parent`) }),
    'action_changed',
  ],
  ['an action of a field', (pdf) => changed(pdf, 19, '/FT/Tx', `/FT/Tx/AA<</F ${script}>>`), 'action_changed', 1],
  ['an unsigned seal', (pdf) => fakeSeal(pdf, ''), 'unsigned_seal_added', 1],
  [
    'a seal with a made-up signature',
    (pdf) => fakeSeal(pdf, '/V<</Type/Sig/SubFilter/ETSI.CAdES.detached/ByteRange[0 1 2 3]/Contents<00>>>'),
    'unsigned_seal_added',
    1,
  ],
  ['a seal with a script', (pdf) => fakeSeal(pdf, `/AA<</E ${script}>>`), 'action_changed', 1],
  ['another catalog', (pdf) => edited(pdf, { 98: bodyOf(pdf, 1) }, { root: 98 }), 'catalog_replaced'],
  [
    'viewers asked to draw the form anew',
    (pdf) => changed(pdf, 18, /\/Fields/, '/NeedAppearances true/Fields'),
    'form_changed',
  ],
  ['a field’s fonts become others', (pdf) => changed(pdf, 18, '/F1 11 0 R', '/F1 99 0 R'), 'form_changed'],
];

function fakeSeal(pdf: Buffer, more: string): Buffer {
  const number = freshNumber(pdf);
  const page = bodyOf(pdf, 3).replace(/\/Annots ?\[/, `/Annots [${number} 0 R `);
  const form = bodyOf(pdf, 18).replace(/\/Fields ?\[/, `/Fields [${number} 0 R `);
  const field = `<</Type/Annot/Subtype/Widget/FT/Sig/T(seal)/Rect[9 9 99 99]/P 3 0 R/AP<</N ${number + 1} 0 R>>${more}>>`;
  const look = stream('/Type/XObject/Subtype/Form/BBox[0 0 9 9]', Buffer.from('1 0 0 rg 0 0 9 9 re f'));
  return edited(pdf, { 3: page, 18: form, [number]: field, [number + 1]: look });
}

describe('an edit after signing is reported', () => {
  test.each(EDITS)('%s', async (_, tamper, code, page) => {
    const tampered = await tamper(signed);
    const found = report(tampered, roots);
    expect(['changed', 'broken']).toContain(found.verdict);
    expect(forbidden(found)).toContain(code);
    if (page === undefined) return;
    const change = found.signatures.flatMap(({ changes }) => changes).find((each) => each.code === code);
    expect(change?.page).toBe(page);
  });

  // The contract's own parts, one after the other: whatever becomes of one, it is told. Properties alone may change.
  test.each(Array.from({ length: 21 }, (_, index) => index + 1).filter((number) => ![16, 17].includes(number)))(
    'whatever becomes of object %i',
    (number) => {
      const bodies = [
        'null',
        '<<>>',
        '[]',
        '(x)',
        '42',
        stream('', Buffer.from('x')),
        bodyOf(signed, number === 3 ? 4 : 3),
      ];
      for (const body of [...bodies, null]) {
        const found = report(edited(signed, { [number]: body }), roots);
        expect(['changed', 'broken'], String(body)).toContain(found.verdict);
      }
      const body = bodyOf(signed, number);
      for (const [key] of body.matchAll(/\/[A-Z]\w*/g)) {
        const found = report(edited(signed, { [number]: body.replace(key, '/Gone') }), roots);
        expect(['changed', 'broken'], key).toContain(found.verdict);
      }
    },
  );

  test('also where a later save takes it back', () => {
    const body = stream('', Buffer.from('BT /F1 12 Tf 72 720 Td (Rent: 1000 yuan) Tj ET /Im1 Do'));
    const back = edited(edited(signed, { 7: stream('', Buffer.from('(Rent: 9000) Tj')) }), { 7: body });
    expect(report(back, roots).verdict).toBe('changed');
  });

  test('also where somebody else signed over it: the one who did is not to blame', async () => {
    const edit = edited(signed, { 7: stream('', Buffer.from('(Rent: 9000) Tj')) });
    const found = report(await sealed(edit, '乙', other, 450), roots);
    expect(found.signatures.map(({ verdict }) => verdict)).toEqual(['changed', 'valid']);
    expect(found.verdict).toBe('changed');
  });

  test('where pdfsig calls the signature valid', async () => {
    const tampered = edited(signed, { 7: stream('', Buffer.from('(Rent: 9000) Tj')) });
    expect((await pdfsig(tampered)).map(({ valid }) => valid)).toEqual([true]);
    expect(report(tampered, roots).verdict).toBe('changed');
  });

  test('an edit by a library', async () => {
    const document = await PDFDocument.load(signed, { updateMetadata: false, forIncrementalUpdate: true });
    document.getPage(1).drawText('and a car', { x: 50, y: 50, color: rgb(1, 0, 0) });
    const section = await document.saveIncremental(document.takeSnapshot());
    expect(Buffer.from(section).length).toBeGreaterThan(0);
    const rewritten = Buffer.from(await document.save({ useObjectStreams: false, rewrite: true }));
    expect(['changed', 'broken']).toContain(report(rewritten, roots).verdict);
  });

  test('a file that another program wrote anew', async () => {
    for (const options of [['--object-streams=generate'], ['--linearize'], ['--object-streams=disable']]) {
      const found = report(await throughQpdf(signed, ...options), roots);
      expect(found.verdict, options[0]).toBe('broken');
    }
  });
});
