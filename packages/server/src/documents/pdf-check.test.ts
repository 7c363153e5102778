import { deflateSync } from 'node:zlib';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { CATALOG, hybridPdf, PAGE, PAGES, pdfOf, stream } from '../../test/support/raw-pdf.ts';
import { blankPdf, sealAt, square, throughQpdf } from '../../test/support/signed-pdf.ts';
import { checkPdf, signingRefusal, signPdf, signPdfPages } from './index.ts';
import type { Drawing, PdfCheck, PdfSignature } from './index.ts';

function reasonOf(check: PdfCheck): string {
  return check.ok ? 'ok' : check.reason;
}

function undrawnForm(value: string): Buffer {
  const form = `/AcroForm<</NeedAppearances true/Fields[<</T(a)/Kids[<</FT/Tx/V${value}>>]>>]>>`;
  return pdfOf([`<</Type/Catalog/Pages 2 0 R${form}>>`, PAGES, PAGE]);
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

  test('may be hybrid: objects that the table hides are found through its stream', () => {
    expect(checkPdf(hybridPdf())).toEqual({ ok: true, pages: [{ width: 595, height: 842 }] });
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
    ['header_not_first', () => Buffer.concat([Buffer.from('junk\n'), sound])],
    ['damaged', () => Buffer.from('%PDF-1.7\n')],
    ['damaged', () => sound.subarray(0, sound.length / 2)],
    ['encrypted', () => throughQpdf(sound, '--encrypt', '', 'owner', '256', '--')],
    ['encrypted', () => throughQpdf(sound, '--encrypt', 'user', 'owner', '128', '--use-aes=y', '--')],
    ['no_pages', () => pdfOf([CATALOG, '<</Type/Pages/Kids[]/Count 0>>'])],
    ['damaged', () => pdfOf([CATALOG, '<</Type/Pages/Kids[2 0 R]/Count 1>>'])],
    ['damaged', () => pdfOf(['<</Type/Catalog>>'])],
    ['xfa_form', () => pdfOf(['<</Type/Catalog/Pages 2 0 R/AcroForm<</XFA(x)>>>>', PAGES, PAGE])],
    ['form_undrawn', () => undrawnForm('(filled in)')],
    ['ok', () => undrawnForm('()')],
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

describe('hostile files are refused at a bounded cost', () => {
  function xrefStreamFile(dictionary: string, data: Buffer): Buffer {
    const head = Buffer.from('%PDF-1.7\n1 0 obj\n');
    return Buffer.concat([head, stream(dictionary, data), Buffer.from('\nendobj\nstartxref\n9\n%%EOF')]);
  }
  /** Its catalog stands in this object stream. */
  function objectStreamFile(dictionary: string, data: Buffer): Buffer {
    const head = Buffer.from('%PDF-1.7\n');
    const container = Buffer.concat([
      Buffer.from('5 0 obj\n'),
      stream(`/Type/ObjStm${dictionary}/Filter/FlateDecode`, deflateSync(data)),
      Buffer.from('\nendobj\n'),
    ]);
    const at = head.length + container.length;
    const rows = Buffer.from([2, 0, 5, 0, 1, 0, head.length, 0]);
    const xref = stream('/Type/XRef/Size 7/Index[1 1 5 1]/W[1 2 1]/Root 1 0 R', rows);
    const end = Buffer.from(`\nendobj\nstartxref\n${at}\n%%EOF`);
    return Buffer.concat([head, container, Buffer.from('6 0 obj\n'), xref, end]);
  }
  const deepKids = Array.from({ length: 100 }, (_, index) => `<</Kids[${index + 3} 0 R]>>`);
  const longArray = `[${'0 '.repeat(3_000_000)}]`;

  test.each<[string, string, () => Buffer]>([
    [
      'a stream that inflates without end',
      'too_complex',
      () => {
        const zeros = deflateSync(Buffer.alloc(64 * 1024 * 1024));
        return xrefStreamFile('/Type/XRef/Size 9000000/W[1 4 2]/Root 1 0 R/Filter/FlateDecode', zeros);
      },
    ],
    [
      'a cross-reference of millions',
      'too_complex',
      () => {
        const zeros = deflateSync(Buffer.alloc(3_000_000));
        return xrefStreamFile('/Type/XRef/Size 3000000/W[1 0 0]/Root 1 0 R/Filter/FlateDecode', zeros);
      },
    ],
    ['a Size beyond all objects', 'damaged', () => pdfOf([CATALOG, PAGES, PAGE], '/Size 99999999')],
    [
      'cross-references in a circle',
      'damaged',
      () => {
        const file = pdfOf([CATALOG, PAGES, PAGE]).toString('latin1');
        return pdfOf([CATALOG, PAGES, PAGE], `/Prev ${/startxref\n(\d+)/.exec(file)?.[1]}`);
      },
    ],
    ['pages in a circle', 'damaged', () => pdfOf([CATALOG, '<</Kids[3 0 R]>>', '<</Kids[2 0 R]>>'])],
    ['pages nested without end', 'too_complex', () => pdfOf([CATALOG, ...deepKids, PAGE])],
    [
      'references in a circle',
      'damaged',
      () => pdfOf(['<</Type/Catalog/Pages 2 0 R/AcroForm 3 0 R>>', '3 0 R', '2 0 R']),
    ],
    ['more values than any file has', 'too_complex', () => pdfOf([CATALOG, `<</Kids[3 0 R]/X ${longArray}>>`, PAGE])],
    [
      'many streams of a wrong length',
      'damaged',
      () => {
        const kids = Array.from({ length: 40 }, (_, index) => `${index + 3} 0 R`).join(' ');
        const bad = Array.from({ length: 40 }, () => '<</Length 99999999>>\nstream\nx\nendstream');
        return pdfOf([CATALOG, `<</Kids[${kids}]>>`, ...bad]);
      },
    ],
    [
      'an object stream that inflates without end',
      'too_complex',
      () => objectStreamFile('/N 1/First 4', Buffer.alloc(64 * 1024 * 1024)),
    ],
    [
      'an object stream of more objects than any file has',
      'too_complex',
      () => objectStreamFile('/N 9000000/First 4', Buffer.from('1 0 '.repeat(2_500_000))),
    ],
    [
      'an object in an object stream nested without end',
      'too_complex',
      () => objectStreamFile('/N 1/First 4', Buffer.from(`1 0 ${'['.repeat(1_000_000)}`)),
    ],
    [
      'an object stream inside itself',
      'damaged',
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
  ])('%s: %s', (_, reason, make) => {
    expect(reasonOf(checkPdf(make()))).toBe(reason);
  });

  test('a sound file with any bytes changed is checked or refused, and never anything else', () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.boolean(), fc.array(change, { minLength: 1, maxLength: 8 }), (streams, changes) => {
        const bytes = Buffer.from(streams ? withObjectStreams : sound);
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        expect(['ok', 'not_a_pdf', 'damaged', 'too_complex', 'encrypted', 'no_pages']).toContain(
          reasonOf(checkPdf(bytes)),
        );
      }),
      { numRuns: 2000 },
    );
  });
});

test('a file that passes is a file that can be signed, however it came about', async () => {
  const signer = {
    certificate: Buffer.alloc(0),
    chain: [],
    digestAlgorithm: 'sha256' as const,
    signDetached: () => Promise.resolve(Buffer.alloc(32)),
    signatureBytesMax: 32,
  };
  const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.array(change, { maxLength: 8 }), async (streams, changes) => {
      const pdf = Buffer.from(streams ? withObjectStreams : sound);
      for (const [at, byte] of changes) pdf[at % pdf.length] = byte;
      fc.pre(checkPdf(pdf).ok);
      // Paths of its own for each: those that two signatures share are written once in one act.
      const signature = (fieldName: string): PdfSignature => {
        const drawing: Drawing = { rect: [0, 0, 9, 9], appearance: square('#D00000') };
        return { fieldName, widget: { pageIndex: 0, drawings: [drawing] } };
      };
      const [first, second] = [signature('a'), signature('b')];
      const signed = await signPdfPages({ pdf, signatures: [first, second], signer, signedAt: new Date(0) });
      expect(signed.subarray(0, pdf.length).equals(pdf)).toBe(true);
      expect(checkPdf(signed)).toEqual(checkPdf(pdf));
      const between = await signPdf({ pdf, ...first, signer, signedAt: new Date(0) });
      const oneByOne = await signPdf({ pdf: between, ...second, signer, signedAt: new Date(0) });
      expect(oneByOne.equals(signed)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

describe('a hostile file costs little', () => {
  /** 1,900 pages that begin one behind the other in one comment, whose rest is long. */
  function sharedComment(): Buffer {
    const numbers = Array.from({ length: 1900 }, (_, index) => index + 3);
    const head = Buffer.from(
      `%PDF-1.7\n1 0 obj ${CATALOG} endobj\n2 0 obj <</Type/Pages/Kids[${numbers.map((n) => `${n} 0 R`).join(' ')}]>> endobj\n%`,
    );
    const pages = numbers.map((n) => Buffer.from(`${n} 0 obj ${PAGE}%`));
    const body = Buffer.concat([head, ...pages, Buffer.alloc(1024 * 1024, 'x'), Buffer.from('\n')]);
    let at = head.length;
    const offsets = pages.map((page) => (at += page.length) - page.length);
    const entries = [head.indexOf('1 0 obj'), head.indexOf('2 0 obj'), ...offsets];
    const rows = entries.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
    const table = `xref\n0 ${entries.length + 1}\n0000000000 65535 f \n${rows}trailer\n<</Root 1 0 R/Size ${entries.length + 1}>>\n`;
    return Buffer.concat([body, Buffer.from(`${table}startxref\n${body.length}\n%%EOF\n`)]);
  }

  /** Cross-reference streams, one the /Prev of another, that all end in the same bytes. */
  function sharedEntries(): Buffer {
    const sections = 20;
    const entries = 200_000;
    const header = (length: number, prev: number) =>
      `9 0 obj<</Type/XRef/Root 1 0 R/Size 9/W[1 0 0]/Index[0 ${entries}]/Length ${String(length).padStart(9, '0')}/Prev ${String(prev).padStart(9, '0')}>>stream\n`;
    const size = header(0, 0).length;
    const end = 9 + sections * size + entries;
    const headers = Array.from({ length: sections }, (_, index) => {
      const next = 9 + (index + 1) * size;
      return header(end - next, next);
    });
    return Buffer.concat([
      Buffer.from(`%PDF-1.7\n${headers.join('')}`),
      Buffer.alloc(entries),
      Buffer.from('\nendstream\nendobj\nstartxref\n9\n%%EOF\n'),
    ]);
  }

  test('what objects share behind them is charged to each that looks beyond it', () => {
    const check = checkPdf(sharedComment());
    expect(check).toMatchObject({
      ok: false,
      reason: 'too_complex',
      cause: { message: 'too many bytes of structure' },
    });
  });

  test('cross-reference entries are counted over all sections', () => {
    const check = checkPdf(sharedEntries());
    expect(check).toMatchObject({ ok: false, cause: { message: 'too many cross-reference entries' } });
  });

  test('a form whose fields share their kids is walked once', () => {
    const shared = Array.from({ length: 60 }, (_, index) => `<</Kids[${index + 5} 0 R ${index + 5} 0 R]>>`);
    const catalog = '<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]>>>>';
    expect(reasonOf(checkPdf(pdfOf([catalog, PAGES, PAGE, ...shared])))).toBe('ok');
  });
});

test('a seal on each of 2,000 pages can be made, and the file be read afterwards', async () => {
  const widgets = Array.from({ length: 2000 }, (_, pageIndex) => sealAt(pageIndex, 100, 100));
  expect(await signingRefusal(await blankPdf(2000), widgets, { bytesMax: 100 * 1024 * 1024 })).toBeUndefined();
});

describe('what could be read and not be signed is refused when it comes', () => {
  const misplaced = (pdf: Buffer, object: number): Buffer => {
    const offset = String(pdf.indexOf(`\n${object} 0 obj`) + 1).padStart(10, '0');
    return Buffer.from(pdf.toString('latin1').replace(offset, '0000000012'), 'latin1');
  };
  const widget = { pageIndex: 0, drawings: [{ rect: [0, 0, 1, 1] as const, appearance: square('#D00000') }] as const };

  test('a form field or an array of annotations that is not where it should be', async () => {
    const field = pdfOf(['<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]>>>>', PAGES, PAGE, '<</T(a)>>']);
    expect(reasonOf(checkPdf(misplaced(field, 4)))).toBe('damaged');
    const annotations = misplaced(pdfOf([CATALOG, PAGES, PAGE.replace('/Parent', '/Annots 4 0 R/Parent'), '[]']), 4);
    expect(reasonOf(checkPdf(annotations))).toBe('ok');
    expect(await signingRefusal(annotations, [widget], { bytesMax: 1e6 })).toBe('damaged');
  });

  test('numbers without an end and generations beyond 65535', () => {
    const endless = PAGE.replace('/Parent', `/StructParents ${'9'.repeat(400)}/Parent`);
    expect(reasonOf(checkPdf(pdfOf([CATALOG, PAGES, endless])))).toBe('damaged');
    const generation = pdfOf([CATALOG, PAGES, PAGE]).toString('latin1').replaceAll('00000 n', '70000 n');
    expect(reasonOf(checkPdf(Buffer.from(generation, 'latin1')))).toBe('damaged');
  });

  test('a catalog that each signature would write anew until the file is too long', async () => {
    const catalog = `<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[]/DA(${'x'.repeat(100_000)})>>>>`;
    const pdf = pdfOf([catalog, PAGES, PAGE]);
    expect(await signingRefusal(pdf, [widget], { bytesMax: 500_000 })).toBeUndefined();
    expect(await signingRefusal(pdf, [widget, widget, widget], { bytesMax: 500_000 })).toBe('too_large');
  });

  test('a signature that locks every field', () => {
    const locked = (reference: string) =>
      pdfOf([
        '<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]>>>>',
        PAGES,
        PAGE,
        `<</T(a)/Kids[<</FT/Sig/V<</Type/Sig/Reference[<<${reference}>>]>>>>]>>`,
      ]);
    const all = '/TransformMethod/FieldMDP/TransformParams<</Action/All>>';
    expect(reasonOf(checkPdf(locked(all)))).toBe('certified');
    expect(reasonOf(checkPdf(locked(all.replace('All', 'Exclude/Fields[(a)]'))))).toBe('certified');
    expect(reasonOf(checkPdf(locked('/TransformMethod/DocMDP/TransformParams<</P 1>>')))).toBe('certified');
    expect(reasonOf(checkPdf(locked(all.replace('All', 'Include/Fields[(a)]'))))).toBe('ok');
  });
});

test('cross-reference streams may be many, and their numbers 8 bytes wide', async () => {
  const widgets = Array.from({ length: 20 }, () => sealAt(0, 100, 100));
  expect(await signingRefusal(withObjectStreams, widgets, { bytesMax: 1e7 })).toBeUndefined();
  const row = Buffer.alloc(11);
  row.writeUInt8(1, 0);
  const objects = [CATALOG, PAGES, PAGE].map((body, index) => `${index + 1} 0 obj\n${body}\nendobj\n`);
  let at = 9;
  const rows = objects.map((object) => {
    row.writeBigUInt64BE(BigInt(at), 1);
    at += object.length;
    return Buffer.from(row);
  });
  const wide = stream('/Type/XRef/Size 4/Index[1 3]/W[1 8 2]/Root 1 0 R', Buffer.concat(rows));
  const tail = Buffer.from(`\nendobj\nstartxref\n${at}\n%%EOF\n`);
  expect(reasonOf(checkPdf(Buffer.concat([Buffer.from(`%PDF-1.7\n${objects.join('')}4 0 obj\n`), wide, tail])))).toBe(
    'ok',
  );
});
