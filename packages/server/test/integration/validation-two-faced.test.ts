import { beforeAll, describe, expect, test } from 'vitest';
import { pdfOf, stream } from '../support/raw-pdf.ts';
import type { TestSigner } from '../support/signed-pdf.ts';
import { edited, forbidden, handSigned, report, signedContract, startXrefOf } from '../support/tampering.ts';

let signer: TestSigner;
let roots: Buffer[];

beforeAll(async () => {
  ({ signer, roots } = await signedContract());
});

const PAGE = '<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 5 0 R>>>>/Contents 4 0 R>>';
const OTHER_TEXT = words('Price 9');

function words(text: string): Buffer {
  return stream('', Buffer.from(`BT /F 24 Tf 60 700 Td (${text}) Tj ET`));
}

/** One page, its text in object 4, the form in 18; some objects otherwise. */
function contract(others: Readonly<Record<number, string | Buffer>> = {}): Buffer {
  const plain: Readonly<Record<number, string | Buffer>> = {
    1: '<</Type/Catalog/Pages 2 0 R/AcroForm 18 0 R>>',
    2: '<</Type/Pages/Kids[3 0 R]/Count 1>>',
    3: PAGE,
    4: words('Price 1'),
    5: '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>',
    18: '<</Fields[]>>',
  };
  return pdfOf(Array.from({ length: 20 }, (_, index) => others[index + 1] ?? plain[index + 1] ?? 'null'));
}

/** Signed by hand: no other page or resource comes to it. */
async function signedByHand(pdf: Buffer): Promise<Buffer> {
  const signed = await handSigned(pdf, signer, { name: 'x' });
  expect(report(signed, roots).verdict).toBe('valid');
  return signed;
}

/** A save of these rows of a cross-reference table and no more of objects. */
function saved(pdf: Buffer, rows: string, trailer: string): Buffer {
  return Buffer.concat([pdf, Buffer.from(`xref\n${rows}trailer\n${trailer}\nstartxref\n${pdf.length}\n%%EOF\n`)]);
}

const NO_ROWS = '0 1\n0000000000 65535 f \n';

describe('what lay hidden in signed bytes', () => {
  test('a cross-reference from which a later save goes on', async () => {
    const hidden = Buffer.concat([
      Buffer.from('4 0 obj\n'),
      OTHER_TEXT,
      Buffer.from('\nendobj\nxref\n4 1\nAAAAAAAAAA 00000 n \ntrailer\n<</Size 60/Root 1 0 R/Prev BBBBBBBBBB>>\n'),
    ]);
    const prepared = contract({ 6: stream('', hidden) });
    const start = startXrefOf(await signedByHand(prepared));
    const text = prepared.indexOf('4 0 obj\n<<', prepared.indexOf('\n6 0 obj'));
    prepared.write(String(text).padStart(10, '0'), prepared.indexOf('AAAAAAAAAA'));
    prepared.write(String(start).padStart(10, '0'), prepared.indexOf('BBBBBBBBBB'));
    const signed = await signedByHand(prepared);
    expect(startXrefOf(signed)).toBe(start);
    const tampered = saved(signed, NO_ROWS, `<</Size 60/Root 1 0 R/Prev ${signed.indexOf('xref\n4 1')}>>`);
    const found = report(tampered, roots);
    expect([found.verdict, forbidden(found)]).toEqual(['changed', ['history_replaced']]);
  });
});

describe('a save that readers take otherwise', () => {
  const EMPTY_STREAM_ROW = Buffer.alloc(4);
  const place = (pdf: Buffer, text: string): string => String(pdf.lastIndexOf(text)).padStart(10, '0');
  const TRICKS: [name: string, save: (pdf: Buffer, prev: number) => Buffer, code: string][] = [
    [
      'an object is freed and placed',
      (pdf, prev) =>
        saved(
          pdf,
          `4 1\n0000000000 00001 f \n4 1\n${place(pdf, '4 0 obj')} 00000 n \n`,
          `<</Size 60/Root 1 0 R/Prev ${prev}>>`,
        ),
      'ambiguous_object',
    ],
    [
      'an object where it was, of another generation',
      (pdf, prev) => saved(pdf, `4 1\n${place(pdf, '4 0 obj')} 00001 n \n`, `<</Size 60/Root 1 0 R/Prev ${prev}>>`),
      'ambiguous_object',
    ],
    [
      'two catalogs',
      (pdf, prev) => saved(pdf, NO_ROWS, `<</Size 60/Root 50 0 R/R#6fot 1 0 R/Prev ${prev}>>`),
      'ambiguous_object',
    ],
    ['no catalog', (pdf, prev) => saved(pdf, NO_ROWS, `<</Size 60/Prev ${prev}>>`), 'ambiguous_object'],
    ['fewer objects', (pdf, prev) => saved(pdf, NO_ROWS, `<</Size 3/Root 1 0 R/Prev ${prev}>>`), 'ambiguous_object'],
    [
      'an offset that is no integer',
      (pdf, prev) => saved(pdf, NO_ROWS, `<</Size 60/Root 1 0 R/Prev ${prev}.0>>`),
      'ambiguous_object',
    ],
    [
      'the stream of a hybrid save frees an object',
      (pdf, prev) => {
        const dictionary = '/Type/XRef/Size 60/Index[4 1]/W[1 2 1]/Root 1 0 R';
        const xref = Buffer.concat([
          Buffer.from('50 0 obj\n'),
          stream(dictionary, EMPTY_STREAM_ROW),
          Buffer.from('\nendobj\n'),
        ]);
        const trailer = `<</Size 60/Root 1 0 R/XRefStm ${pdf.length}/Prev ${prev}>>`;
        return saved(Buffer.concat([pdf, xref]), NO_ROWS, trailer);
      },
      'page_text_changed',
    ],
    ['its end is far from the file’s', (pdf) => Buffer.concat([pdf, Buffer.alloc(2_000, 32)]), 'bytes_appended'],
    [
      'its end is far from where it says where it begins',
      (pdf, prev) => {
        const save = saved(pdf, NO_ROWS, `<</Size 60/Root 1 0 R/Prev ${prev}>>`).toString('latin1');
        return Buffer.from(save.replace(/%%EOF\n$/, `${' '.repeat(2_000)}%%EOF\n`), 'latin1');
      },
      'hidden_bytes',
    ],
  ];

  test.each(TRICKS)('%s', async (_, save, code) => {
    const signed = await signedByHand(contract());
    const found = report(save(signed, startXrefOf(signed)), roots);
    expect(found.verdict).toBe('changed');
    expect(forbidden(found)).toContain(code);
  });

  test('a cross-reference for readers that count from the header', async () => {
    const junk = '%'.padEnd(400, '-').concat('\n');
    const moved = contract()
      .toString('latin1')
      .replace(/(\d{10}) 00000 n/g, (_, offset) => `${String(Number(offset) + junk.length).padStart(10, '0')} 00000 n`)
      .replace(/startxref\n(\d+)/, (_, offset) => `startxref\n${Number(offset) + junk.length}`);
    const signed = await signedByHand(Buffer.from(junk + moved, 'latin1'));
    const trailer = `<</Size 60/Root 1 0 R/Prev ${startXrefOf(signed)}`;
    expect(report(saved(signed, NO_ROWS, `${trailer}>>`), roots).verdict).toBe('valid');
    const head = `xref\n${NO_ROWS}trailer\n${trailer}/X(`;
    const other = `${' '.repeat(junk.length - head.length)}xref\n4 1\n0000000000 00000 f \ntrailer\n<<>>`;
    expect(forbidden(report(saved(signed, NO_ROWS, `${trailer}/X(${other})>>`), roots))).toEqual(['ambiguous_object']);
  });

  test.each([
    ['of a font', 5, '/Type/Font/Subtype/TrueType/BaseFont/Helvetica/X 3.0/FirstChar 32', '/X 3/FirstChar 32.0'],
    ['of the number of pages', 2, '/Kids[3 0 R]/Count 1', '/Kids[3 0 R]/Count 1.0'],
    ['that stands alone', 7, '32', '32.0'],
  ])('an integer is written as a real number: %s', async (_, number, was, is) => {
    const isAlone = number === 7;
    const others = isAlone
      ? { 5: '<</Type/Font/Subtype/TrueType/BaseFont/Helvetica/FirstChar 7 0 R>>', 7: was }
      : { [number]: `<<${was}>>` };
    const signed = await signedByHand(contract(others));
    const body = isAlone ? is : `<<${was.replace(/\/X 3.*|\/Kids.*/, is)}>>`;
    expect(report(edited(signed, { [number]: body }), roots).verdict).toBe('changed');
  });

  test('a stream whose data begin right behind its keyword', async () => {
    const text = '%BT /F 24 Tf 60 700 Td (Price 9) Tj ET\n';
    const signed = await signedByHand(contract({ 4: stream('', Buffer.from(text)) }));
    const again = (gap: string): string => `<</Length ${text.length}>>\nstream${gap}${text}\nendstream`;
    expect(report(edited(signed, { 4: again('\r\n') }), roots).verdict).toBe('valid');
    expect(forbidden(report(edited(signed, { 4: again('') }), roots))).toContain('ambiguous_object');
  });

  test('measures may be written anew', async () => {
    const signed = await signedByHand(contract());
    const page = PAGE.replace('595 842', '595.0 842.00');
    expect(report(edited(signed, { 3: page }), roots).verdict).toBe('valid');
  });
});

describe('a signed file that readers read more of than is clear', () => {
  test.each([
    ['a number that is none', '/X --5'],
    ['a word', '/X abc'],
    ['a string that is none', '/X <zz>'],
    ['a reference with a sign', '/X +4 0 R'],
    ['a reference without a space', '/X 4 0R'],
    ['a reference beyond all numbers', '/X 4294967300 0 R'],
    ['more nesting than anybody needs', `/X ${'['.repeat(70)}${']'.repeat(70)}`],
  ])('a page with %s: what it leads to may not change', async (_, odd) => {
    const signed = await signedByHand(contract({ 3: PAGE.replace('/Parent', `${odd}/Parent`) }));
    expect(report(edited(signed, { 4: OTHER_TEXT }), roots).verdict).toBe('changed');
    expect(report(edited(signed, { 7: 'null' }), roots).verdict).toBe('valid');
  });

  test.each([
    ['comments and strings', '/X --5 (% \\) 4 0 R)', '/Contents 4 % (\n 0 R'],
    ['a comment before it', '/X --5 % (', '\n/Contents 4 0 R'],
  ])('what it leads to is found between %s', async (_, odd, contents) => {
    const page = PAGE.replace('/Contents 4 0 R', contents).replace('/Parent', `${odd}\n/Parent`);
    const signed = await signedByHand(contract({ 3: page }));
    expect(report(edited(signed, { 4: OTHER_TEXT }), roots).verdict).toBe('changed');
  });

  test.each(['/Contents 6 0 R/Contents 4 0 R', '/Contents 4 0 R/Contents 6 0 R'])(
    'a page that says twice what it shows: neither may change (%s)',
    async (twice) => {
      const signed = await signedByHand(contract({ 3: PAGE.replace('/Contents 4 0 R', twice), 6: words('Price 1') }));
      for (const number of [4, 6])
        expect(report(edited(signed, { [number]: OTHER_TEXT }), roots).verdict).toBe('changed');
    },
  );

  const plain = (data: string): Buffer => Buffer.from(data);
  test.each([
    ['begin where another object says', '/First 7 0 R', plain, { 7: '4' }, { 7: '5' }],
    [
      'are packed in an unusual manner',
      '/First 4/Filter/ASCIIHexDecode',
      (data: string) => plain(`${plain(data).toString('hex')}>`),
      {},
      { 4: OTHER_TEXT },
    ],
  ])('objects of a stream that %s', async (_, more, pack, others, changes) => {
    const signed = await signedByHand(packedContract(`/N 1${more}`, pack(`3 0 ${PAGE}  `), others));
    expect(report(edited(signed, changes), roots).verdict).toBe('changed');
  });

  test('a later object stream in which an object stands twice', async () => {
    const signed = await signedByHand(contract());
    const [first, second] = [PAGE.replace('/Contents 4', '/Contents 64'), PAGE];
    const head = `3 0 3 ${first.length + 1} `;
    const members = stream(`/Type/ObjStm/N 2/First ${head.length}`, Buffer.from(`${head}${first} ${second}`));
    const tampered = savedWithStream(signed, { 60: members, 64: OTHER_TEXT }, [[3, 60, 1]]);
    expect(forbidden(report(tampered, roots))).toEqual(['ambiguous_object']);
  });

  test('the look of a button, where fields may be filled in', async () => {
    const button =
      '<</Type/Annot/Subtype/Widget/FT/Btn/Ff 65536/T(b)/F 4/Rect[50 690 300 730]/P 3 0 R/AP<</N 7 0 R>>>>';
    const look = (text: string): Buffer => stream('/Type/XObject/Subtype/Form/BBox[0 0 9 9]', Buffer.from(text));
    const prepared = contract({
      3: PAGE.replace('/Contents', '/Annots[6 0 R]/Contents'),
      6: button,
      7: look(''),
      18: '<</Fields[6 0 R]>>',
    });
    const dictionary = '/Reference[<</TransformMethod/DocMDP/TransformParams<</P 2/V/1.2>>>>]';
    const signed = await handSigned(prepared, signer, { name: 'x', dictionary });
    for (const changes of [
      { 7: look('1 g 0 0 9 9 re f') },
      { 6: button.replace('/N 7', '/N 8'), 8: look('0 0 9 9 re f') },
    ])
      expect(forbidden(report(edited(signed, changes), roots))).toEqual(['field_changed']);
  });

  test('a new signature field without a rectangle may have no look', async () => {
    const signed = await signedByHand(contract());
    const fields = /\/Fields ?\[(.*?)\]/.exec(signed.toString('latin1', signed.lastIndexOf('\n18 0 obj')))?.[1] ?? '';
    const withField = (more: string): string[] =>
      forbidden(
        report(
          edited(signed, {
            3: PAGE.replace('/Contents', '/Annots[70 0 R]/Contents'),
            18: `<</Fields[${fields} 70 0 R]/SigFlags 3>>`,
            70: `<</Type/Annot/Subtype/Widget/FT/Sig/T(new)/F 4/P 3 0 R${more}>>`,
            71: stream('/Type/XObject/Subtype/Form/BBox[0 0 9 9]', Buffer.from('0 0 9 9 re f')),
          }),
          roots,
        ),
      );
    expect(withField('')).toEqual([]);
    expect(withField('/AP<</N 71 0 R>>')).toEqual(['unsigned_seal_added']);
  });
});

type Compressed = readonly [number: number, stream: number, index: number];

/** The contract with its page in the object stream 60. */
function packedContract(dictionary: string, data: Buffer, others: Readonly<Record<number, string>>): Buffer {
  const objects = {
    1: '<</Type/Catalog/Pages 2 0 R/AcroForm 18 0 R>>',
    2: '<</Type/Pages/Kids[3 0 R]/Count 1>>',
    4: words('Price 1'),
    5: '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>',
    18: '<</Fields[]>>',
    60: stream(`/Type/ObjStm${dictionary}`, data),
    ...others,
  };
  return savedWithStream(Buffer.from('%PDF-1.7\n'), objects, [[3, 60, 0]]);
}

/** A save with a cross-reference stream. */
function savedWithStream(
  pdf: Buffer,
  objects: Readonly<Record<number, string | Buffer>>,
  compressed: readonly Compressed[],
): Buffer {
  const chunks = [pdf];
  const length = (): number => chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const rows: [number: number, type: number, second: number, third: number][] = compressed.map(
    ([number, container, index]) => [number, 2, container, index],
  );
  for (const [number, body] of Object.entries(objects)) {
    rows.push([Number(number), 1, length(), 0]);
    chunks.push(Buffer.from(`${number} 0 obj\n`), Buffer.from(body), Buffer.from('\nendobj\n'));
  }
  const data = Buffer.alloc(rows.length * 7);
  for (const [index, [, type, second, third]] of rows.entries()) {
    data.writeUInt8(type, index * 7);
    data.writeUInt32BE(second, index * 7 + 1);
    data.writeUInt16BE(third, index * 7 + 5);
  }
  const start = length();
  const prev = pdf.includes('startxref') ? `/Prev ${startXrefOf(pdf)}` : '';
  const index = rows.map(([number]) => `${number} 1`).join(' ');
  const dictionary = `/Type/XRef/Size 90/Root 1 0 R/Index[${index}]/W[1 4 2]${prev}`;
  chunks.push(Buffer.from('80 0 obj\n'), stream(dictionary, data));
  chunks.push(Buffer.from(`\nendobj\nstartxref\n${start}\n%%EOF\n`));
  return Buffer.concat(chunks);
}
