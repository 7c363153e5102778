import { deflateSync } from 'node:zlib';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { blankPdf, throughQpdf } from '../../test/support/signed-pdf.ts';
import { checkPdf } from './index.ts';
import type { PdfCheck } from './index.ts';

/** A PDF with these objects, numbered from 1, and a correct cross-reference table. Object 1 is the catalog. */
function pdfOf(objects: readonly (string | Buffer)[], trailer = ''): Buffer {
  const chunks = [Buffer.from('%PDF-1.7\n')];
  const offsets: number[] = [];
  const length = () => chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  for (const [index, object] of objects.entries()) {
    offsets.push(length());
    chunks.push(Buffer.from(`${index + 1} 0 obj\n`), Buffer.from(object), Buffer.from('\nendobj\n'));
  }
  const startXref = length();
  const entries = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  const size = objects.length + 1;
  const table = `xref\n0 ${size}\n0000000000 65535 f \n${entries}`;
  chunks.push(Buffer.from(`${table}trailer\n<</Size ${size}/Root 1 0 R${trailer}>>\nstartxref\n${startXref}\n%%EOF\n`));
  return Buffer.concat(chunks);
}

function stream(dictionary: string, bytes: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`<<${dictionary}/Length ${bytes.length}>>\nstream\n`),
    bytes,
    Buffer.from('\nendstream'),
  ]);
}

const CATALOG = '<</Type/Catalog/Pages 2 0 R>>';
const PAGES = '<</Type/Pages/Kids[3 0 R]/Count 1>>';
const PAGE = '<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>';

function reasonOf(check: PdfCheck): string {
  return check.ok ? 'ok' : check.reason;
}

let sound: Buffer;
let withObjectStreams: Buffer;
beforeAll(async () => {
  sound = await blankPdf(3);
  withObjectStreams = await throughQpdf(sound, '--object-streams=generate');
});

describe('files that can be signed', () => {
  test('say how large their pages are as seen', () => {
    const turned = '<</Type/Page/MediaBox[10 20 605 862]/CropBox[0 0 310 420]/Rotate -90/UserUnit 2>>';
    const check = checkPdf(pdfOf([CATALOG, '<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2>>', PAGE, turned]));
    expect(check).toEqual({
      ok: true,
      pages: [
        { width: 595, height: 842 },
        { width: 800, height: 600 },
      ],
    });
  });

  test('may have junk before the header, counted in their offsets or not', () => {
    expect(reasonOf(checkPdf(Buffer.concat([Buffer.from('junk\n'), sound])))).toBe('ok');
  });

  test('may be hybrid: objects that the table hides are found through its stream', () => {
    // Object 4 is free in the table and stands in the object stream 5, which only the /XRefStm 6 knows.
    const objectStream = stream('/Type/ObjStm/N 1/First 4', Buffer.from(`4 0 ${PAGE}`));
    const base = pdfOf([CATALOG, '<</Type/Pages/Kids[4 0 R]/Count 1>>', 'null', 'null', objectStream]);
    const row = Buffer.alloc(4);
    row.writeUInt8(2, 0);
    row.writeUInt16BE(5, 1);
    const xrefStream = stream('/Type/XRef/Size 7/Index[4 1]/W[1 2 1]', row);
    const prev = Number(/startxref\n(\d+)/.exec(base.toString('latin1'))?.[1]);
    const streamAt = base.length;
    const appended = Buffer.concat([base, Buffer.from('6 0 obj\n'), xrefStream, Buffer.from('\nendobj\n')]);
    const table = 'xref\n4 1\n0000000000 00000 f \n';
    const trailer = `trailer\n<</Size 7/Root 1 0 R/Prev ${prev}/XRefStm ${streamAt}>>\nstartxref\n${appended.length}\n%%EOF`;
    const hybrid = Buffer.concat([appended, Buffer.from(table + trailer)]);
    expect(checkPdf(hybrid)).toEqual({ ok: true, pages: [{ width: 595, height: 842 }] });
  });

  test('are read as viewers read them: an object that no cross-reference names does not count', () => {
    const shadow = Buffer.from('3 0 obj\n<</Type/Page/MediaBox[0 0 1 1]>>\nendobj\n');
    const file = pdfOf([CATALOG, PAGES, PAGE]);
    const at = file.indexOf('xref\n0 4');
    const text = file.toString('latin1').replace(/startxref\n\d+/, `startxref\n${at + shadow.length}`);
    const shadowed = Buffer.concat([file.subarray(0, at), shadow, Buffer.from(text.slice(at), 'latin1')]);
    expect(checkPdf(shadowed)).toEqual({ ok: true, pages: [{ width: 595, height: 842 }] });
  });
});

describe('files that cannot', () => {
  test.each<[string, () => Buffer | Promise<Buffer>]>([
    ['not_a_pdf', () => Buffer.alloc(0)],
    ['not_a_pdf', () => Buffer.from('<html>')],
    ['damaged', () => Buffer.from('%PDF-1.7\n')],
    ['damaged', () => sound.subarray(0, sound.length / 2)],
    ['encrypted', () => throughQpdf(sound, '--encrypt', '', 'owner', '256', '--')],
    ['encrypted', () => throughQpdf(sound, '--encrypt', 'user', 'owner', '128', '--use-aes=y', '--')],
    ['no_pages', () => pdfOf([CATALOG, '<</Type/Pages/Kids[]/Count 0>>'])],
    ['damaged', () => pdfOf([CATALOG, '<</Type/Pages/Kids[2 0 R]/Count 1>>'])],
    ['damaged', () => pdfOf(['<</Type/Catalog>>'])],
    ['xfa_form', () => pdfOf(['<</Type/Catalog/Pages 2 0 R/AcroForm<</XFA(x)>>>>', PAGES, PAGE])],
    [
      'certified',
      () =>
        pdfOf([
          '<</Type/Catalog/Pages 2 0 R/Perms<</DocMDP 4 0 R>>>>',
          PAGES,
          PAGE,
          '<</Type/Sig/Reference[<</TransformMethod/DocMDP/TransformParams<</P 1>>>>]>>',
        ]),
    ],
  ])('%s (%#)', async (reason, make) => {
    expect(reasonOf(checkPdf(await make()))).toBe(reason);
  });

  test('too_large and too_many_pages', () => {
    expect(reasonOf(checkPdf(sound, { bytesMax: sound.length - 1 }))).toBe('too_large');
    expect(reasonOf(checkPdf(sound, { pagesMax: 2 }))).toBe('too_many_pages');
    expect(reasonOf(checkPdf(sound, { pagesMax: 3 }))).toBe('ok');
  });

  test('a certification that allows signing is none', () => {
    const reference = '<</Type/Sig/Reference[<</TransformMethod/DocMDP/TransformParams<</P 2>>>>]>>';
    const file = pdfOf(['<</Type/Catalog/Pages 2 0 R/Perms<</DocMDP 4 0 R>>>>', PAGES, PAGE, reference]);
    expect(reasonOf(checkPdf(file))).toBe('ok');
  });
});

describe('hostile files end as damaged, at a bounded cost', () => {
  function xrefStreamFile(dictionary: string, data: Buffer): Buffer {
    const head = Buffer.from('%PDF-1.7\n1 0 obj\n');
    return Buffer.concat([head, stream(dictionary, data), Buffer.from('\nendobj\nstartxref\n9\n%%EOF')]);
  }
  const deepKids = Array.from({ length: 100 }, (_, index) => `<</Kids[${index + 3} 0 R]>>`);
  const longArray = `[${'0 '.repeat(3_000_000)}]`;

  test.each<[string, () => Buffer]>([
    [
      'a stream that inflates without end',
      () => {
        const zeros = deflateSync(Buffer.alloc(64 * 1024 * 1024));
        return xrefStreamFile('/Type/XRef/Size 9000000/W[1 4 2]/Root 1 0 R/Filter/FlateDecode', zeros);
      },
    ],
    [
      'a cross-reference of millions',
      () => {
        const zeros = deflateSync(Buffer.alloc(3_000_000));
        return xrefStreamFile('/Type/XRef/Size 3000000/W[1 0 0]/Root 1 0 R/Filter/FlateDecode', zeros);
      },
    ],
    ['a Size beyond all objects', () => pdfOf([CATALOG, PAGES, PAGE], '/Size 99999999')],
    [
      'cross-references in a circle',
      () => {
        const file = pdfOf([CATALOG, PAGES, PAGE]).toString('latin1');
        return pdfOf([CATALOG, PAGES, PAGE], `/Prev ${/startxref\n(\d+)/.exec(file)?.[1]}`);
      },
    ],
    ['pages in a circle', () => pdfOf([CATALOG, '<</Kids[3 0 R]>>', '<</Kids[2 0 R]>>'])],
    ['pages nested without end', () => pdfOf([CATALOG, ...deepKids, PAGE])],
    ['references in a circle', () => pdfOf(['<</Type/Catalog/Pages 2 0 R/AcroForm 3 0 R>>', '3 0 R', '2 0 R'])],
    ['more values than any file has', () => pdfOf([CATALOG, `<</Kids[3 0 R]/X ${longArray}>>`, PAGE])],
    [
      'many streams of a wrong length',
      () => {
        const kids = Array.from({ length: 40 }, (_, index) => `${index + 3} 0 R`).join(' ');
        const bad = Array.from({ length: 40 }, () => '<</Length 99999999>>\nstream\nx\nendstream');
        return pdfOf([CATALOG, `<</Kids[${kids}]>>`, ...bad]);
      },
    ],
    [
      'an object stream inside itself',
      () => {
        const row = (type: number, second: number, third: number) => [type, second >> 8, second & 255, third];
        const rows = Buffer.from([...row(0, 0, 0), ...row(2, 1, 0), ...row(1, 9, 0)]);
        return Buffer.concat([
          Buffer.from('%PDF-1.7\n2 0 obj\n'),
          stream('/Type/XRef/Size 3/W[1 2 1]/Root 1 0 R', rows),
          Buffer.from('\nendobj\nstartxref\n9\n%%EOF'),
        ]);
      },
    ],
  ])('%s', (_, make) => {
    expect(reasonOf(checkPdf(make()))).toBe('damaged');
  });

  test('a sound file with any bytes changed is checked or refused, and never anything else', () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.boolean(), fc.array(change, { minLength: 1, maxLength: 8 }), (streams, changes) => {
        const bytes = Buffer.from(streams ? withObjectStreams : sound);
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        expect(['ok', 'not_a_pdf', 'damaged', 'encrypted', 'no_pages']).toContain(reasonOf(checkPdf(bytes)));
      }),
      { numRuns: 2000 },
    );
  });
});
