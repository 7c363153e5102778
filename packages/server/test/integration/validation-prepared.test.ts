import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { longTermWorld } from '../support/long-term.ts';
import type { LongTermWorld } from '../support/long-term.ts';
import { pdfOf, stream } from '../support/raw-pdf.ts';
import type { TestSigner } from '../support/signed-pdf.ts';
import {
  bodyOf,
  edited,
  forbidden,
  freshNumber,
  handSigned,
  report,
  sealed,
  signedContract,
} from '../support/tampering.ts';

let signer: TestSigner;
let roots: Buffer[];
let signed: Buffer;

beforeAll(async () => {
  ({ signer, roots, signed } = await signedContract());
});

const LOOK = stream('/Type/XObject/Subtype/Form/BBox[0 0 500 300]', Buffer.from('1 1 1 rg 0 0 500 300 re f'));
const EMPTY_LOOK = stream('/Type/XObject/Subtype/Form/BBox[0 0 500 300]', Buffer.alloc(0));
const SHOWN = '/Type/Annot/Subtype/Widget/F 4/Rect[40 300 540 600]/P 3 0 R/AP<</N 203 0 R>>';

/** New objects from 200 on; these fields come into the form, these annotations onto the first page. */
function added(pdf: Buffer, objects: Record<number, string | Buffer>, fields: string, annotations: string): Buffer {
  expect(freshNumber(pdf)).toBeLessThan(200);
  return edited(pdf, {
    3: bodyOf(pdf, 3).replace(/\/Annots ?\[/, `/Annots [${annotations} `),
    18: bodyOf(pdf, 18).replace(/\/Fields ?\[/, `/Fields [${fields} `),
    203: LOOK,
    ...objects,
  });
}

describe('a signature field that came may show nothing, on no level', () => {
  const field = '<</FT/Sig/T(x)';
  const FIELDS: [name: string, objects: Record<number, string>, annotations: string][] = [
    ['a widget that names it as its parent', { 201: `${field}>>`, 202: `<<${SHOWN}/Parent 201 0 R>>` }, '202 0 R'],
    ['its kid', { 201: `${field}/Kids[202 0 R]>>`, 202: `<<${SHOWN}/Parent 201 0 R>>` }, '202 0 R'],
    [
      'its kid’s kid',
      {
        201: `${field}/Kids[204 0 R]>>`,
        204: '<</Parent 201 0 R/T(k)/Kids[202 0 R]>>',
        202: `<<${SHOWN}/Parent 204 0 R>>`,
      },
      '202 0 R',
    ],
    ['on paper alone', { 201: `${field}${SHOWN.replace('/F 4', '/F 36')}>>` }, '201 0 R'],
    ['under the pointer alone', { 201: `${field}${SHOWN.replace('/F 4', '/F 288')}>>` }, '201 0 R'],
    ['with a rectangle that is none', { 201: `${field}${SHOWN.replace('[40', '[(40)')}>>` }, '201 0 R'],
    ['with flags that are none', { 201: `${field}${SHOWN.replace('/F 4', '/F 2.5')}>>` }, '201 0 R'],
  ];

  test.each(FIELDS)('%s', (_, objects, annotations) => {
    const found = report(added(signed, objects, '201 0 R', annotations), roots);
    expect(found.verdict).toBe('changed');
    expect(forbidden(found).join(' ')).toMatch(/unsigned_seal_added|field_added|seal_covered/);
  });

  test.each([
    ['without a widget', { 201: `${field}>>` }, ''],
    ['hidden', { 201: `${field}${SHOWN.replace('/F 4', '/F 2')}>>` }, '201 0 R'],
    ['neither viewed nor printed', { 201: `${field}${SHOWN.replace('/F 4', '/F 32')}>>` }, '201 0 R'],
    [
      'with a kid of no area',
      {
        201: `${field}/Kids[202 0 R]>>`,
        202: `<<${SHOWN.replace('[40 300 540 600]', '[0 0 0 0]')}/Parent 201 0 R>>`,
      },
      '202 0 R',
    ],
  ])('one that shows nothing is permitted: %s', (_, objects, annotations) => {
    const found = report(added(signed, objects, '201 0 R', annotations), roots);
    expect([found.verdict, forbidden(found)]).toEqual(['valid_with_changes', []]);
  });

  test('a hidden one that was there is printed', () => {
    const hidden = added(signed, { 201: `${field}${SHOWN.replace('/F 4', '/F 2')}>>` }, '201 0 R', '201 0 R');
    expect(report(hidden, roots).verdict).toBe('valid_with_changes');
    const printed = edited(hidden, { 201: bodyOf(hidden, 201).replace('/F 2', '/F 36') });
    expect(forbidden(report(printed, roots))).toEqual(['unsigned_seal_added']);
  });
});

describe('a timestamp of the document', () => {
  let world: LongTermWorld;
  beforeAll(async () => {
    world = await longTermWorld();
  });

  async function stamped(field: string, objects: Record<number, string>, annotations: string): Promise<Buffer> {
    const room = '0'.repeat(world.timestamps.tokenBytesMax * 2);
    const value = `<</Type/DocTimeStamp/Filter/Adobe.PPKLite/SubFilter/ETSI.RFC3161/ByteRange[0 1111111111 2222222222 3333333333]/Contents<${room}>>>`;
    const made = added(signed, { 201: field, 205: value, ...objects }, '201 0 R', annotations);
    const from = made.lastIndexOf(`<${room}>`);
    const to = from + room.length + 2;
    const range = `[0 ${from} ${to} ${made.length - to}]`;
    made.write(range.padEnd(36, ' '), made.lastIndexOf('[0 1111111111'), 'latin1');
    const digest = createHash('sha256').update(made.subarray(0, from)).update(made.subarray(to)).digest();
    const answer = await world.timestamps.timestamp(digest);
    if (answer.kind !== 'token') throw new Error(answer.reason);
    made.write(answer.der.toString('hex'), from + 1, 'latin1');
    return made;
  }

  test('is permitted where neither it nor its kid shows anything', async () => {
    const kid = `<<${SHOWN.replace('/F 4', '/F 2')}/Parent 201 0 R>>`;
    const pdf = await stamped('<</FT/Sig/T(ts)/V 205 0 R/Kids[202 0 R]>>', { 202: kid }, '202 0 R');
    const found = report(pdf, [...roots, world.root]);
    expect([found.verdict, forbidden(found)]).toEqual(['valid', []]);
  });

  test.each([
    ['its kid', '<</FT/Sig/T(ts)/V 205 0 R/Kids[202 0 R]>>', { 202: `<<${SHOWN}/Parent 201 0 R>>` }],
    [
      'its kid’s kid',
      '<</FT/Sig/T(ts)/V 205 0 R/Kids[204 0 R]>>',
      { 204: '<</Parent 201 0 R/Kids[202 0 R]>>', 202: `<<${SHOWN}/Parent 204 0 R>>` },
    ],
    ['a widget that names it as its parent', '<</FT/Sig/T(ts)/V 205 0 R>>', { 202: `<<${SHOWN}/Parent 201 0 R>>` }],
  ])('shows nothing: %s', async (_, field, objects) => {
    const found = report(await stamped(field, objects, '202 0 R'), [...roots, world.root]);
    expect(found.verdict).toBe('changed');
    expect(forbidden(found).join(' ')).toMatch(/unsigned_seal_added|field_added|seal_covered/);
  });
});

describe('a file that was prepared before others signed it', () => {
  const FONT = '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>';
  const PAGE = '<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]';
  const PAGES = '<</Type/Pages/Kids[3 0 R]/Count 1>>';
  const CATALOG = '<</Type/Catalog/Pages 2 0 R>>';
  const drawn = (text: string, more = ''): Buffer =>
    stream(`/Type/XObject/Subtype/Form/BBox[0 0 595 842]${more}`, Buffer.from(text));
  const WORDS = drawn('BT /F 24 Tf 60 600 Td (Price 100) Tj ET');
  const OTHER = drawn('BT /F 24 Tf 60 600 Td (Price 1) Tj ET');
  const content = (text: string): Buffer => stream('', Buffer.from(text));
  const above = (more = ''): string =>
    `<</Type/Pages/Kids[3 0 R]/Count 1/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 5 0 R>>>>${more}>>`;
  const odd = [CATALOG, PAGES, '<</Type/Page/Parent 6 0 R/Contents 4 0 R>>', content('/F 9 Tf'), FONT];
  const empty = (value: string): (string | Buffer)[] => [
    '<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[6 0 R]/SigFlags 1>>>>',
    PAGES,
    `${PAGE}/Resources<<>>/Contents 4 0 R/Annots[6 0 R]>>`,
    content('q Q'),
    EMPTY_LOOK,
    `<</Type/Annot/Subtype/Widget/FT/Sig/T(empty)/F 4/Rect[40 300 540 700]/P 3 0 R${value}/AP<</N 5 0 R>>>>`,
  ];

  const FILES: [name: string, objects: (string | Buffer)[], changes: Record<number, string | Buffer>, code: string][] =
    [
      [
        'a picture stands among the annotations, too; another one in it',
        [
          CATALOG,
          PAGES,
          `${PAGE}/Resources<</XObject<</X 5 0 R>>>>/Contents 4 0 R/Annots[5 0 R]>>`,
          content('/X Do'),
          drawn('/Y Do', '/Resources<</XObject<</Y 6 0 R>>>>'),
          WORDS,
        ],
        { 6: OTHER },
        'page_text_changed',
      ],
      [
        'an annotation whose value is drawn by its key',
        [
          CATALOG,
          PAGES,
          `${PAGE}/Resources<</XObject 5 0 R>>/Contents 4 0 R/Annots[5 0 R]>>`,
          content('/V Do'),
          '<</Type/Annot/Subtype/Widget/F 2/Rect[0 0 0 0]/V 6 0 R>>',
          WORDS,
        ],
        { 6: OTHER },
        'page_text_changed',
      ],
      [
        'a font inherited past the tree',
        [...odd, above()],
        { 6: above().replace('/F 5', '/F 60'), 60: FONT },
        'page_resource_changed',
      ],
      ['a turn inherited past the tree', [...odd, above()], { 6: above('/Rotate 180') }, 'page_size_changed'],
      ['a size inherited past the tree', [...odd, above()], { 6: above().replace('842', '500') }, 'page_size_changed'],
      ['an inherited font itself', [...odd, above()], { 5: FONT.replace('Helvetica', 'Courier') }, 'font_changed'],
      ['an empty field of the value null is drawn', empty('/V null'), { 5: LOOK }, 'unsigned_seal_added'],
      ['an empty field of a missing value is drawn', empty('/V 60 0 R'), { 5: LOOK }, 'unsigned_seal_added'],
      [
        'the missing value comes, and is no signature',
        empty('/V 60 0 R'),
        { 5: LOOK, 60: '<</Type/Sig/SubFilter/ETSI.CAdES.detached/ByteRange[0 1 2 3]/Contents<00>>>' },
        'unsigned_seal_added',
      ],
    ];

  test.each(FILES)('%s', async (_, objects, changes, code) => {
    const pdf = await sealed(pdfOf(objects), '甲', signer);
    expect(report(pdf, roots).verdict).toBe('valid');
    const found = report(edited(pdf, changes), roots);
    expect(['changed', 'broken']).toContain(found.verdict);
    expect(forbidden(found)).toContain(code);
  });

  // The form stands in object 18, where a signature comes by hand: pages stay as they were prepared.
  const FORMED = '<</Type/Catalog/Pages 2 0 R/AcroForm 18 0 R>>';
  const BY_HAND: typeof FILES = [
    [
      'a page whose annotations are drawn as its picture',
      [
        FORMED,
        PAGES,
        `${PAGE}/Resources<</XObject 3 0 R>>/Contents 4 0 R/Annots 5 0 R>>`,
        content('/Annots Do'),
        WORDS,
      ],
      { 5: OTHER },
      'page_text_changed',
    ],
    [
      'a page that stands in the tree itself',
      [
        FORMED,
        `<</Type/Pages/Kids[3 0 R ${PAGE}/Contents 5 0 R>>]/Count 2>>`,
        `${PAGE}/Contents 4 0 R>>`,
        content('q Q'),
        content('0 0 9 9 re f'),
      ],
      { 5: content('0 0 99 99 re f') },
      'page_text_changed',
    ],
    [
      'a page behind two references',
      [FORMED, '<</Type/Pages/Kids[5 0 R]/Count 1>>', `${PAGE}/Contents 4 0 R>>`, content('q Q'), '3 0 R'],
      { 3: `${PAGE}/Rotate 90/Contents 4 0 R>>` },
      'page_size_changed',
    ],
  ];

  test.each(BY_HAND)('%s', async (_, objects, changes, code) => {
    const room = Array.from({ length: 17 - objects.length }, () => 'null');
    const pdf = await handSigned(pdfOf([...objects, ...room, '<</Fields[]>>']), signer, { name: 'x' });
    expect(report(pdf, roots).verdict).toBe('valid');
    const found = report(edited(pdf, changes), roots);
    expect(found.verdict).toBe('changed');
    expect(forbidden(found)).toContain(code);
  });
});
