import { X509Certificate } from 'node:crypto';
import * as fc from 'fast-check';
import { PDFDocument, rgb } from '@cantoo/pdf-lib';
import { beforeAll, describe, expect, test } from 'vitest';
import { signPdf } from '../../src/documents/index.ts';
import { stream } from '../support/raw-pdf.ts';
import { pdfsig, sealAt, testSigner, throughQpdf } from '../support/signed-pdf.ts';
import type { TestSigner } from '../support/signed-pdf.ts';
import {
  bodyOf,
  changed,
  contractWithEverything,
  edited,
  forbidden,
  freshNumber,
  handSigned,
  OBJECT,
  report,
  signatureObjects,
  startXrefOf,
} from '../support/tampering.ts';

let signer: TestSigner;
let other: TestSigner;
let roots: Buffer[];
/** The contract, signed once, a seal on its first page. */
let signed: Buffer;

beforeAll(async () => {
  signer = await testSigner('P-256', '上海甲房地产经纪有限公司');
  other = await testSigner('RSA-2048', '北京乙置业有限公司');
  roots = [signer, other].map(({ rootPem }) => new X509Certificate(rootPem).raw);
  signed = await sign(contractWithEverything(), '甲', signer);
});

async function sign(pdf: Buffer, fieldName: string, by: TestSigner, x = 300): Promise<Buffer> {
  return signPdf({ pdf, fieldName, signer: by, signedAt: new Date(), widget: sealAt(0, x, 300) });
}

test('the contract is valid as it was signed', () => {
  const valid = report(signed, roots);
  expect(valid.verdict).toBe('valid');
  expect(valid.signatures[0]).toMatchObject({ fieldName: '甲', page: 1, coversWholeFile: true, changes: [] });
});

type Tampering = [name: string, tamper: (pdf: Buffer) => Buffer | Promise<Buffer>, code: string, page?: number];

const annotation = (body: string) => (pdf: Buffer) => {
  const number = freshNumber(pdf);
  const page = bodyOf(pdf, 3).replace(/\/Annots ?\[/, `/Annots [${number} 0 R `);
  return edited(pdf, { 3: page, [number]: `<</Type/Annot${body}>>` });
};

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

  test('also where a later save takes it back', () => {
    const body = stream('', Buffer.from('BT /F1 12 Tf 72 720 Td (Rent: 1000 yuan) Tj ET /Im1 Do'));
    const back = edited(edited(signed, { 7: stream('', Buffer.from('(Rent: 9000) Tj')) }), { 7: body });
    expect(report(back, roots).verdict).toBe('changed');
  });

  test('also where somebody else signed over it: the one who did is not to blame', async () => {
    const edit = edited(signed, { 7: stream('', Buffer.from('(Rent: 9000) Tj')) });
    const found = report(await sign(edit, '乙', other, 450), roots);
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

describe('a trick with the file itself is reported', () => {
  const hex = (pdf: Buffer): { from: number; to: number } => {
    const [, from = '0', to = '0'] = /\/ByteRange \[0 (\d+) (\d+)/.exec(pdf.toString('latin1')) ?? [];
    return { from: Number(from), to: Number(to) };
  };
  const problems = (pdf: Buffer): string[] =>
    report(pdf, roots).signatures.flatMap((each) => each.problems.map(({ code }) => code));

  test('an object that lay hidden in signed bytes is shown by a new cross-reference', async () => {
    // The signed file holds a second object 7 that its own cross-reference does not name.
    const hidden = '7 0 obj\n<</Length 18>>\nstream\n(Rent: 9000) Tj ET\nendstream\nendobj\n';
    const prepared = edited(
      contractWithEverything(),
      { 16: bodyOf(contractWithEverything(), 16) },
      { unlisted: Buffer.from(hidden) },
    );
    const pdf = await sign(prepared, '甲', signer);
    expect(report(pdf, roots).verdict).toBe('valid');
    const at = pdf.indexOf('7 0 obj\n<</Length 18>>');
    const table = `xref\n7 1\n${String(at).padStart(10, '0')} 00000 n \ntrailer\n<</Size 30/Root 1 0 R/Prev ${startXrefOf(pdf)}>>\n`;
    const tampered = Buffer.concat([pdf, Buffer.from(`${table}startxref\n${pdf.length}\n%%EOF\n`)]);
    expect(forbidden(report(tampered, roots))).toEqual(
      expect.arrayContaining(['object_redirected', 'page_text_changed']),
    );
  });

  test('a cross-reference rebuilt without the saves before', () => {
    const text = signed.toString('latin1');
    const offsets = new Map([...text.matchAll(/(?<=\n)(\d+) 0 obj/g)].map((match) => [Number(match[1]), match.index]));
    const appended = Buffer.concat([signed, Buffer.from('7 0 obj\n<</Length 3>>\nstream\n( )\nendstream\nendobj\n')]);
    offsets.set(7, signed.length);
    const entries = [...offsets].map(
      ([number, offset]) => `${number} 1\n${String(offset).padStart(10, '0')} 00000 n \n`,
    );
    const table = `xref\n0 1\n0000000000 65535 f \n${entries.join('')}trailer\n<</Size 99/Root 1 0 R>>\n`;
    const tampered = Buffer.concat([appended, Buffer.from(`${table}startxref\n${appended.length}\n%%EOF\n`)]);
    const found = report(tampered, roots);
    expect(found.verdict).toBe('changed');
    expect(forbidden(found)).toEqual(['history_replaced']);
  });

  test('the same, and the form gone with it', () => {
    const text = signed.toString('latin1');
    const at = (number: number): string => String(text.indexOf(`\n${number} 0 obj`) + 1).padStart(10, '0');
    const catalog = '\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n';
    const own = String(signed.length + 1).padStart(10, '0');
    const rows = [2, 3, 4, 5, 6, 7, 8, 9, 11, 12].map((number) => `${number} 1\n${at(number)} 00000 n \n`).join('');
    const start = signed.length + catalog.length;
    const table = `xref\n1 1\n${own} 00000 n \n${rows}trailer\n<</Size 99/Root 1 0 R>>\nstartxref\n${start}\n%%EOF\n`;
    const found = report(Buffer.concat([signed, Buffer.from(catalog + table)]), roots);
    expect([found.verdict, forbidden(found)]).toEqual(['changed', ['history_replaced']]);
  });

  test('an object stream that is replaced takes its objects along', async () => {
    const packed = await throughQpdf(contractWithEverything(), '--object-streams=generate');
    const pdf = await sign(packed, '甲', signer);
    expect(report(pdf, roots).verdict).toBe('valid');
    const number = Number(/(\d+) 0 obj\n<<[^>]*\/Type \/ObjStm/.exec(pdf.toString('latin1'))?.[1]);
    const row = Buffer.alloc(7);
    const own = freshNumber(pdf);
    const object = `${number} 0 obj\n<</Type/ObjStm/N 0/First 0/Length 0>>\nstream\n\nendstream\nendobj\n`;
    row.writeUInt8(1, 0);
    row.writeUInt32BE(pdf.length, 1);
    const xref = Buffer.concat([
      Buffer.from(
        `${own} 0 obj\n<</Type/XRef/Size ${own + 1}/W[1 4 2]/Index[${number} 1]/Root ${/\/Root (\d+)/.exec(pdf.toString('latin1'))?.[1]} 0 R/Prev ${startXrefOf(pdf)}/Length 7>>\nstream\n`,
      ),
      row,
      Buffer.from(`\nendstream\nendobj\nstartxref\n${pdf.length + object.length}\n%%EOF\n`),
    ]);
    const found = report(Buffer.concat([pdf, Buffer.from(object), xref]), roots);
    expect(found.verdict).toBe('changed');
    expect(forbidden(found).length).toBeGreaterThan(1);
  });

  test.each([
    ['objects without a cross-reference', '7 0 obj\n<</Length 2>>\nstream\n( \nendstream\nendobj\n'],
    ['a trailer alone', 'trailer\n<</Root 99 0 R>>\n%%EOF\n'],
    ['a cross-reference that is none', 'xref\nrubbish\nstartxref\n5\n%%EOF\n'],
    ['a startxref that leads nowhere', 'startxref\n999999999\n%%EOF\n'],
    ['a startxref that leads to the beginning', 'startxref\n0\n%%EOF\n'],
    ['a comment', '% nothing to see\n'],
    ['another file', '%PDF-1.7\n1 0 obj\n<<>>\nendobj\n'],
  ])('appended: %s', (_, tail) => {
    const found = report(Buffer.concat([signed, Buffer.from(tail)]), roots);
    expect(found.verdict).toBe('changed');
    expect(forbidden(found)).toEqual(['bytes_appended']);
  });

  test('bytes in a save that it does not name', () => {
    const unlisted = Buffer.from('7 0 obj\n<</Length 3>>\nstream\n( )\nendstream\nendobj\n');
    const found = report(edited(signed, { 16: bodyOf(signed, 16).replace('<x/>', '<y/>') }, { unlisted }), roots);
    expect(forbidden(found)).toEqual(['hidden_bytes']);
  });

  test('an object that says one thing twice, and a stream of two ends', () => {
    const twice = edited(signed, { 17: '<</Title(A)/Title(B)>>' });
    expect(forbidden(report(twice, roots))).toEqual(['ambiguous_object']);
    const ends = '<</Type/Metadata/Length 1>>\nstream\nxx\nendstream endobj 7 0 obj<<>>endobj\nendstream';
    expect(forbidden(report(edited(signed, { 16: ends }), roots))).toContain('ambiguous_object');
  });

  test('encryption declared afterwards', () => {
    const found = report(
      edited(signed, { 17: '<</Title(B)>>' }, { trailer: '/Encrypt<</Filter/Standard/V 1>>' }),
      roots,
    );
    expect(forbidden(found)).toContain('encryption_changed');
  });

  test('a byte of what was signed', () => {
    const tampered = Buffer.from(signed);
    tampered.write('9', tampered.indexOf('Rent: 1000') + 6);
    expect(problems(tampered)).toContain('cms_digest_differs');
  });

  test('a range that is shorter, longer, or elsewhere', () => {
    const { from, to } = hex(signed);
    const ranges: [string, string][] = [
      [`[0 ${from} ${to} ${signed.length - to - 10}]`, 'byte_range_not_a_revision'],
      [`[0 ${from - 10} ${to} ${signed.length - to}]`, 'byte_range_hole'],
      [`[0 ${from} ${to + 10} ${signed.length - to - 10}]`, 'byte_range_hole'],
      [`[1 ${from - 1} ${to} ${signed.length - to}]`, 'byte_range_not_from_start'],
      [`[0 ${from} ${to} ${signed.length * 2}]`, 'byte_range_beyond_file'],
      [`[0 ${from} ${to}]`, 'byte_range_malformed'],
      ['[0 0 0 0 0 0]', 'byte_range_malformed'],
      ['null', 'byte_range_malformed'],
      [`[0 -${from} ${to} 1]`, 'byte_range_malformed'],
    ];
    for (const [range, problem] of ranges) {
      const tampered = Buffer.from(signed);
      const at = tampered.indexOf('/ByteRange [') + '/ByteRange '.length;
      tampered.write(range.padEnd(tampered.indexOf(']', at) + 1 - at), at, 'latin1');
      expect(report(tampered, roots).verdict, range).toBe('broken');
      expect(problems(tampered), range).toContain(problem);
    }
  });

  test('contents that are none', () => {
    const { from, to } = hex(signed);
    const fills: [string, string][] = [
      ['00'.repeat((to - from - 2) / 2), 'cms_malformed'],
      ['30'.padEnd(to - from - 2, '0'), 'cms_malformed'],
      ['zz'.padEnd(to - from - 2, '0'), 'byte_range_malformed'],
      ['3080aA'.padEnd(to - from - 2, '0'), 'contents_malformed'],
      ['3fff'.padEnd(to - from - 2, '0'), 'contents_malformed'],
    ];
    for (const [fill, problem] of fills) {
      const tampered = Buffer.from(signed);
      tampered.write(fill, from + 1, 'latin1');
      expect(report(tampered, roots).verdict).toBe('broken');
      expect(problems(tampered)).toContain(problem);
    }
  });

  test('data in the room behind the signature', async () => {
    const wide = { ...signer, signatureBytesMax: signer.signatureBytesMax + 500 };
    const pdf = await signPdf({
      pdf: contractWithEverything(),
      fieldName: '甲',
      signer: wide,
      signedAt: new Date(),
      widget: sealAt(0, 300, 300),
    });
    expect(report(pdf, roots).verdict).toBe('valid');
    pdf.write('de', hex(pdf).to - 5, 'latin1');
    expect(problems(pdf)).toEqual(['contents_padding', 'time_not_proven']);
  });

  test('a signature wrapped: what it signed moved back, another cross-reference where its own was', () => {
    const { from, to } = hex(signed);
    const start = startXrefOf(signed);
    const { field, value } = signatureObjects(signed);
    const seal = `<</Type/Annot/Subtype/Widget/FT/Sig/T(x)/V ${value} 0 R/Rect[0 0 9 9]/P 3 0 R>>`;
    const objects = `\n>>\nendobj\n${field} 0 obj\n${seal}\nendobj\n7 0 obj\n<</Length 3>>\nstream\n( )\nendstream\nendobj\n`;
    const evil = Buffer.from(objects.padEnd(start - to));
    expect(evil.length).toBe(start - to);
    const at = (text: string): number => to + evil.indexOf(text);
    const older = signed.lastIndexOf(`\n${value} 0 obj`) + 1;
    const form = signed.lastIndexOf('\n18 0 obj', to) + 1;
    const entries: [number, number][] = [
      [7, at('7 0 obj')],
      [18, form],
      [field, at(`${field} 0 obj`)],
      [value, older],
    ];
    const rows = entries
      .map(([number, offset]) => `${number} 1\n${String(offset).padStart(10, '0')} 00000 n \n`)
      .join('');
    const previous = Number(/startxref\s+(\d+)/.exec(signed.toString('latin1'))?.[1]);
    const table = `xref\n${rows}trailer\n<</Size 40/Root 1 0 R/Prev ${previous}>>\n`;
    const tampered = Buffer.concat([signed.subarray(0, to), evil, Buffer.from(table), signed.subarray(to)]);
    const place = tampered.indexOf('/ByteRange [') + '/ByteRange '.length;
    const range = `[0 ${from} ${to + evil.length + table.length} ${signed.length - to}]`;
    tampered.write(range.padEnd(tampered.indexOf(']', place) + 1 - place), place, 'latin1');
    expect(report(tampered, roots).verdict).toBe('broken');
    expect(problems(tampered)).toContain('byte_range_hole');
  });

  test('rubbish in the store for long-term validation is not believed', () => {
    const pdf = edited(signed, {
      1: bodyOf(signed, 1).replace('/Pages', '/DSS<</Certs[90 0 R]/CRLs[90 0 R 91 0 R]/OCSPs 92 0 R/VRI(x)>>/Pages'),
      90: stream('', Buffer.from('rubbish')),
      91: '<</not/astream>>',
    });
    const found = report(pdf, roots);
    expect([found.verdict, found.signatures[0]!.level]).toEqual(['valid_with_changes', 'B-B']);
    expect(found.signatures[0]!.changes.map(({ code }) => code)).toEqual(['validation_data_added']);
  });
});

describe('what a signature permits', () => {
  const reference = (parameters: string, method = 'DocMDP'): string =>
    `/Reference[<</Type/SigRef/TransformMethod/${method}/TransformParams<</Type/TransformParams/V/1.2${parameters}>>>>]`;
  const certified = (level: number) =>
    handSigned(contractWithEverything(), signer, { name: 'c', dictionary: reference(`/P ${level}`) });
  const fill = (pdf: Buffer): Buffer => changed(pdf, 19, '(1000)', '(9000)');
  const note = annotation('/Subtype/FreeText/Rect[0 0 50 50]/Contents(paid)');

  test.each([
    [1, 'changed', 'changed', 'changed'],
    [2, 'valid_with_changes', 'changed', 'valid'],
    [3, 'valid_with_changes', 'valid_with_changes', 'valid'],
  ])('at level %i', async (level, filled, annotated, signedToo) => {
    const pdf = await certified(level);
    expect(report(pdf, roots).verdict).toBe('valid');
    expect(report(fill(pdf), roots).verdict).toBe(filled);
    expect(report(note(pdf), roots).verdict).toBe(annotated);
    expect(report(await handSigned(pdf, other, { name: 'd' }), roots).verdict).toBe(signedToo);
    expect(report(edited(pdf, { 7: stream('', Buffer.from('x')) }), roots).verdict).toBe('changed');
  });

  test('a field that it locks, and one that it leaves open', async () => {
    const lock = (action: string) =>
      handSigned(contractWithEverything(), signer, {
        name: 'c',
        dictionary: reference(`/Action/${action}/Fields[(note)]`, 'FieldMDP'),
      });
    const fillNote = (pdf: Buffer): Buffer => changed(pdf, 21, '/V()', '/V(ok)');
    expect(report(fillNote(await lock('Include')), roots).verdict).toBe('changed');
    expect(report(fillNote(await lock('Exclude')), roots).verdict).toBe('valid_with_changes');
    expect(report(fill(await lock('Exclude')), roots).verdict).toBe('changed');
  });

  test('a later signature grants nothing for an earlier one', async () => {
    const pdf = await handSigned(signed, other, { name: 'c', dictionary: reference('/P 3') });
    const found = report(note(pdf), roots);
    expect(found.signatures.map(({ verdict }) => verdict)).toEqual(['changed', 'valid_with_changes']);
  });
});

test('no file with one byte changed is valid', async () => {
  const twice = await sign(signed, '乙', other, 450);
  expect(report(twice, roots).verdict).toBe('valid');
  fc.assert(
    fc.property(fc.nat({ max: twice.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, difference) => {
      const tampered = Buffer.from(twice);
      tampered[at] = (tampered[at]! ^ difference) & 0xff;
      expect(verdictOf(tampered)).not.toMatch(/^valid/);
    }),
    { numRuns: 1_500 },
  );
});

function verdictOf(pdf: Buffer): string {
  try {
    return report(pdf, roots).verdict;
  } catch (error) {
    return (error as { code: string }).code;
  }
}
