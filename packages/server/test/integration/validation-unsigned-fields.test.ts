import { beforeAll, describe, expect, test } from 'vitest';
import { pdfOf, stream } from '../support/raw-pdf.ts';
import type { TestSigner } from '../support/signed-pdf.ts';
import { bodyOf, edited, forbidden, freshNumber, report, sealed, signedContract } from '../support/tampering.ts';

let signer: TestSigner;
let other: TestSigner;
let roots: Buffer[];
/** Signed, with fields that readers draw themselves: a text (5), a text below a parent (7, 6), an empty signature field (8). */
let signed: Buffer;
/** The same file, whose form says nothing of fonts. */
let plain: Buffer;

const WIDGET = '/Type/Annot/Subtype/Widget/P 3 0 R';

function prepared(form: string): Buffer {
  return pdfOf([
    '<</Type/Catalog/Pages 2 0 R/AcroForm 4 0 R>>',
    '<</Type/Pages/Kids[3 0 R]/Count 1>>',
    '<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Annots[5 0 R 7 0 R 8 0 R]>>',
    `<</Fields[5 0 R 6 0 R 8 0 R]${form}>>`,
    `<<${WIDGET}/FT/Tx/T(rent)/V(1000)/DA(/F1 12 Tf 0 g)/MK 9 0 R/Rect[72 600 172 620]>>`,
    '<</FT/Tx/T(party)/V(A)/DA(/F1 12 Tf)/Kids[7 0 R]>>',
    `<<${WIDGET}/Parent 6 0 R/MK<</BG[1 1 1]>>/Rect[72 560 172 580]>>`,
    `<<${WIDGET}/FT/Sig/T(sign)/F 4/MK<</BC[0 0 0]/CA(Party A signs here)>>/Rect[72 500 272 540]>>`,
    '<</BC[0 0 0]>>',
    '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>',
  ]);
}

beforeAll(async () => {
  ({ signer, other, roots } = await signedContract());
  signed = await sealed(prepared('/DA(/F1 12 Tf)/DR<</Font<</F1 10 0 R>>>>'), '甲', signer);
  plain = await sealed(prepared(''), '甲', signer);
});

/** What is reported when `from` becomes `to` in an object. */
function afterEdit(pdf: Buffer, objectNumber: number, from: string | RegExp, to: string): string[] {
  const body = bodyOf(pdf, objectNumber);
  const made = body.replace(from, to);
  expect(made).not.toBe(body);
  const found = report(edited(pdf, { [objectNumber]: made }), roots);
  // A value that is no signature is one that does not hold.
  expect(['changed', 'broken']).toContain(found.verdict);
  return forbidden(found);
}

describe('a field that nobody signed and that readers draw themselves', () => {
  test('is as it was: the file is valid, and stays so when another company signs', async () => {
    expect(report(signed, roots).verdict).toBe('valid');
    expect(report(await sealed(signed, '乙', other, 400), roots).verdict).toBe('valid');
    expect(report(plain, roots).verdict).toBe('valid');
  });

  test.each([
    ['another value', 5, '(1000)', '(9000)', 'field_filled'],
    ['text that cannot be seen', 5, '0 g', '1 g', 'field_changed'],
    ['text of no size', 6, '12 Tf', '0.1 Tf', 'field_changed'],
    ['another value above it', 6, '/V(A)', '/V(B)', 'field_filled'],
    ['a ground over its text', 7, '[1 1 1]', '[0 0 0]', 'field_changed'],
    ['the object of its border', 9, '[0 0 0]', '[0 0 0]/BG[1 1 1]', 'field_changed'],
  ] as const)('%s', (_, objectNumber, from, to, code) => {
    expect(afterEdit(signed, objectNumber, from, to)).toEqual([code]);
  });

  test('what the form says of fonts is told as well, where a look may hang on it', () => {
    expect(afterEdit(plain, 4, /\/Fields/, '/DA(/F1 0.1 Tf 1 g)/Fields')).toEqual(['form_changed']);
    expect(afterEdit(signed, 4, '/F1 10 0 R', '/F1 10 0 R/F2 10 0 R')).toEqual(['form_changed']);
  });
});

describe('a signature field that nobody signed', () => {
  test.each([
    ['another caption', 'Party A signs here', 'Party A refused', 'unsigned_seal_added'],
    ['a ground over what lies below', '/BC[0 0 0]', '/BG[1 1 1]', 'unsigned_seal_added'],
    ['no caption any more', /\/MK<<.*?>>/, '', 'field_changed'],
    ['hidden', '/F 4', '/F 2', 'field_changed'],
    ['another place', '[72 500 272 540]', '[72 100 272 140]', 'field_changed'],
    ['a value that is no signature', '/F 4', '/F 4/V(signed)', 'unsigned_seal_added'],
    ['other letters', '/F 4', '/F 4/DA(/F1 40 Tf)', 'field_changed'],
    ['a lock', '/F 4', '/F 4/Lock<</Type/SigFieldLock/Action/All>>', 'field_changed'],
  ] as const)('%s', (_, from, to, code) => {
    expect(afterEdit(signed, 8, from, to)).toEqual([code]);
  });
});

describe('a new signature field without a look', () => {
  const EMPTY_LOOK = stream('/Type/XObject/Subtype/Form/BBox[0 0 200 200]', Buffer.alloc(0));

  function withField(more: string): ReturnType<typeof report> {
    const number = freshNumber(signed);
    const field = `<<${WIDGET}/FT/Sig/T(new)/F 4/Rect[40 400 540 800]${more}>>`;
    const pdf = edited(signed, {
      3: bodyOf(signed, 3).replace(/\/Annots ?\[/, `/Annots [${number} 0 R `),
      4: bodyOf(signed, 4).replace(/\/Fields ?\[/, `/Fields [${number} 0 R `),
      [number]: field,
      [number + 1]: EMPTY_LOOK,
    });
    return report(pdf, roots);
  }
  const looked = (): string => `/AP<</N ${freshNumber(signed) + 1} 0 R>>`;

  test.each(['', '/MK<<>>', '/MK null', '/MK<</R 90/BG[]/CA()>>', '/DA(/F1 12 Tf)/BS<</W 2>>'])(
    'may come, where it shows nothing: %s',
    (more) => {
      expect(withField(more).verdict).toBe('valid_with_changes');
      expect(withField(`${more}${looked()}`).verdict).toBe('valid_with_changes');
    },
  );

  test.each([
    '/MK<</BG[1 1 1]>>',
    '/MK<</BC[1 0 0]>>',
    '/MK<</CA(Signed by party A)>>',
    '/MK<</AC 5>>',
    '/MK<</I 10 0 R>>',
    '/MK<</Unheard/Of>>',
    '/MK 7',
  ])('may not, where readers draw it: %s', (more) => {
    for (const each of [more, `${more}${looked()}`]) {
      const found = withField(each);
      expect(found.verdict).toBe('changed');
      expect(forbidden(found)).toEqual(['unsigned_seal_added']);
    }
  });
});
