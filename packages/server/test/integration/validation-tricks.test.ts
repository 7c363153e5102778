import * as fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { signPdf } from '../../src/documents/index.ts';
import { stream } from '../support/raw-pdf.ts';
import { sealAt, throughQpdf } from '../support/signed-pdf.ts';
import type { TestSigner } from '../support/signed-pdf.ts';
import {
  bodyOf,
  contractWithEverything,
  edited,
  forbidden,
  freshNumber,
  report,
  sealed,
  signatureObjects,
  signedContract,
  startXrefOf,
} from '../support/tampering.ts';

let signer: TestSigner;
let other: TestSigner;
let roots: Buffer[];
/** The contract, signed once, a seal on its first page. */
let signed: Buffer;

beforeAll(async () => {
  ({ signer, other, roots, signed } = await signedContract());
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
    const pdf = await sealed(prepared, '甲', signer);
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
    const pdf = await sealed(packed, '甲', signer);
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

  test('an object of another generation, and one that is placed twice', () => {
    const body = bodyOf(signed, 7);
    const other = edited(signed, { 7: body }).toString('latin1');
    const at = other.lastIndexOf('\n7 0 obj');
    const renumbered = `${other.slice(0, at)}\n7 1 obj${other.slice(at + 8)}`.replace(
      /(\n7 1\n\d{10} )00000 n/,
      '$100001 n',
    );
    expect(forbidden(report(Buffer.from(renumbered, 'latin1'), roots))).toEqual(['ambiguous_object']);
    const twice = edited(signed, { 16: bodyOf(signed, 16).replace('<x/>', '<y/>') }).toString('latin1');
    const [row = ''] = /16 1\n\d{10} 00000 n \n(?=trailer)/.exec(twice) ?? [];
    const doubled = twice.replace(`${row}trailer`, `${row}16 1\n0000000015 00000 n \ntrailer`);
    expect(forbidden(report(Buffer.from(doubled, 'latin1'), roots))).toEqual(['ambiguous_object']);
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

test('no file with one byte changed is valid', async () => {
  const twice = await sealed(signed, '乙', other, 450);
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
