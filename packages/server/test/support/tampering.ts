import { createHash, X509Certificate } from 'node:crypto';
import { signPdf } from '../../src/documents/index.ts';
import { examine } from '../../src/validation/examine.ts';
import type { ValidationReport } from '../../src/validation/index.ts';
import { readHistory } from '../../src/validation/history.ts';
import { ObjectHistory } from '../../src/validation/revision-view.ts';
import type { DocumentSigner } from '../../src/trust/index.ts';
import { pdfOf, stream } from './raw-pdf.ts';
import { sealAt, testSigner } from './signed-pdf.ts';
import type { TestSigner } from './signed-pdf.ts';

/** Numbers of the objects of `contractWithEverything`. */
export const OBJECT = {
  catalog: 1,
  pages: 2,
  page: [3, 4, 5],
  resources: 6,
  content: [7, 8, 9],
  link: 10,
  font: 11,
  image: 12,
  encoding: 13,
  toUnicode: 14,
  layer: 15,
  metadata: 16,
  information: 17,
  form: 18,
  field: 19,
  fieldLook: 20,
  otherField: 21,
} as const;

const TO_UNICODE = '/CIDInit /ProcSet findresource begin 1 beginbfchar <01> <0041> endbfchar end';

/** Three pages with text, a picture, a font of its own encoding, a layer, a link and two filled-in fields. */
export function contractWithEverything(): Buffer {
  const page = (content: number, more = ''): string =>
    `<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources 6 0 R/Contents ${content} 0 R${more}>>`;
  const text = (words: string): Buffer => stream('', Buffer.from(`BT /F1 12 Tf 72 720 Td (${words}) Tj ET /Im1 Do`));
  return pdfOf(
    [
      '<</Type/Catalog/Pages 2 0 R/AcroForm 18 0 R/Metadata 16 0 R/OCProperties<</OCGs[15 0 R]/D<</ON[15 0 R]>>>>>>',
      '<</Type/Pages/Kids[3 0 R 4 0 R 5 0 R]/Count 3>>',
      page(7, '/Annots[10 0 R 19 0 R 21 0 R]'),
      page(8),
      page(9),
      '<</Font<</F1 11 0 R>>/XObject<</Im1 12 0 R>>/Properties<</L1 15 0 R>>>>',
      text('Rent: 1000 yuan'),
      text('Page two'),
      text('Page three'),
      '<</Type/Annot/Subtype/Link/Rect[10 10 60 30]/A<</S/URI/URI(https://example.com/)>>>>',
      '<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding 13 0 R/ToUnicode 14 0 R>>',
      stream('/Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8', Buffer.from([0])),
      '<</Type/Encoding/BaseEncoding/WinAnsiEncoding/Differences[65/A]>>',
      stream('', Buffer.from(TO_UNICODE)),
      '<</Type/OCG/Name(Terms)>>',
      stream('/Type/Metadata/Subtype/XML', Buffer.from('<x/>')),
      '<</Title(Contract)>>',
      '<</Fields[19 0 R 21 0 R]/DR<</Font<</F1 11 0 R>>>>/DA(/F1 12 Tf)>>',
      '<</Type/Annot/Subtype/Widget/FT/Tx/T(rent)/V(1000)/Rect[72 600 172 620]/P 3 0 R/AP<</N 20 0 R>>>>',
      stream('/Type/XObject/Subtype/Form/BBox[0 0 100 20]', Buffer.from('BT /F1 12 Tf (1000) Tj ET')),
      '<</Type/Annot/Subtype/Widget/FT/Tx/T(note)/V()/Rect[72 560 172 580]/P 3 0 R>>',
    ],
    '/Info 17 0 R/ID[<01><01>]',
  );
}

type Objects = Readonly<Record<number, string | Buffer>>;

/** Where the newest cross-reference stands. */
export function startXrefOf(pdf: Buffer): number {
  return Number(/startxref\s+(\d+)\s+%%EOF\s*$/.exec(pdf.toString('latin1', Math.max(0, pdf.length - 4096)))?.[1]);
}

function sizeOf(pdf: Buffer): number {
  const sizes = [...pdf.toString('latin1').matchAll(/\/Size (\d+)/g)].map(([, size]) => Number(size));
  return Math.max(...sizes);
}

/** An incremental update as any editor writes one, with a cross-reference table. A null frees an object. */
export function edited(
  pdf: Buffer,
  objects: Readonly<Record<number, string | Buffer | null>>,
  { trailer = '', root = 1, unlisted = Buffer.alloc(0) } = {},
): Buffer {
  const chunks: Buffer[] = [pdf, Buffer.from('\n'), unlisted];
  const lengthOf = (): number => chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const numbers = Object.keys(objects).map(Number);
  let entries = '';
  for (const number of numbers) {
    const body = objects[number] ?? null;
    const offset = body === null ? 0 : lengthOf();
    entries += `${number} 1\n${String(offset).padStart(10, '0')} ${body === null ? '00001 f' : '00000 n'} \n`;
    if (body !== null) chunks.push(Buffer.from(`${number} 0 obj\n`), Buffer.from(body), Buffer.from('\nendobj\n'));
  }
  const startXref = lengthOf();
  const size = Math.max(sizeOf(pdf), ...numbers.map((number) => number + 1));
  const head = `xref\n${entries}trailer\n<</Size ${size}/Root ${root} 0 R/Prev ${startXrefOf(pdf)}${trailer}>>\n`;
  chunks.push(Buffer.from(`${head}startxref\n${startXref}\n%%EOF\n`));
  return Buffer.concat(chunks);
}

/** The number of an object that no save uses. */
export function freshNumber(pdf: Buffer): number {
  return sizeOf(pdf) + 5;
}

/** The newest body of an object, as it is written, from `<<` on. */
export function bodyOf(pdf: Buffer, objectNumber: number): string {
  const objects = new ObjectHistory(readHistory(pdf));
  const entry = objects.entryAt(objectNumber, objects.history.revisions.length - 1);
  if (entry?.kind !== 'offset') throw new Error(`object ${objectNumber} stands in no place of its own`);
  const text = pdf.toString('latin1', entry.offset);
  return text.slice(text.indexOf('obj') + 3, text.indexOf('endobj')).trim();
}

/** Replaces in an object's newest body, and says where nothing was there to replace. */
export function changed(pdf: Buffer, objectNumber: number, from: string | RegExp, to: string): Buffer {
  const body = bodyOf(pdf, objectNumber);
  const made = body.replace(from, to);
  if (made === body) throw new Error(`nothing to replace in ${body}`);
  return edited(pdf, { [objectNumber]: Buffer.from(made, 'latin1') });
}

/** The newest signature's field, its value and its look. */
export function signatureObjects(pdf: Buffer): { field: number; value: number; look: number } {
  const text = pdf.toString('latin1');
  const fields = [
    ...text.matchAll(/(\d+) 0 obj\n<<\/Type \/Annot\n\/Subtype \/Widget\n\/FT \/Sig\n(?:(?!endobj)[^])*?endobj/g),
  ];
  const [whole = '', field] = fields.at(-1) ?? [];
  return {
    field: Number(field),
    value: Number(/\/V (\d+) 0 R/.exec(whole)?.[1]),
    look: Number(/\/AP <<\/N (\d+) 0 R/.exec(whole)?.[1]),
  };
}

/** A report that trusts these roots. */
export function report(pdf: Buffer, roots: readonly Buffer[], now = new Date()): ValidationReport {
  return examine({ pdf, anchors: roots.map((der) => ({ der, source: 'given' as const })), crls: [], now });
}

/** What was reported as not permitted, of all signatures. */
export function forbidden({ signatures }: ValidationReport): string[] {
  return [
    ...new Set(signatures.flatMap(({ changes }) => changes.filter(({ allowed }) => !allowed).map(({ code }) => code))),
  ];
}

/** A signature with whatever else its dictionary shall say, by hand, in an invisible field. */
export async function handSigned(
  pdf: Buffer,
  signer: Pick<DocumentSigner, 'signDetached' | 'signatureBytesMax'>,
  { name, dictionary = '', objects = {} }: { name: string; dictionary?: string; objects?: Objects },
): Promise<Buffer> {
  const value = freshNumber(pdf);
  const field = value + 1;
  const fields = /\/Fields\s*\[([^\]]*)\]/.exec(bodyOf(pdf, OBJECT.form))?.[1] ?? '';
  const room = '0'.repeat(signer.signatureBytesMax * 2);
  const made = edited(pdf, {
    [OBJECT.form]: bodyOf(pdf, OBJECT.form)
      .replace(/\/Fields\s*\[[^\]]*\]/, `/Fields[${fields} ${field} 0 R]`)
      .replace(/\/SigFlags \d/, '')
      .replace(/>>$/, '/SigFlags 3>>'),
    [value]: `<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/ByteRange[0 1111111111 2222222222 3333333333]${dictionary}/Contents<${room}>>>`,
    [field]: `<</Type/Annot/Subtype/Widget/FT/Sig/T(${name})/V ${value} 0 R/Rect[0 0 0 0]/F 132/P 3 0 R>>`,
    ...objects,
  });
  const from = made.lastIndexOf(`<${room}>`);
  const to = from + room.length + 2;
  const range = `[0 ${from} ${to} ${made.length - to}]`;
  const at = made.lastIndexOf('[0 1111111111 2222222222 3333333333]');
  made.write(range.padEnd(36, ' '), at, 'latin1');
  const digest = createHash('sha256').update(made.subarray(0, from)).update(made.subarray(to)).digest();
  made.write((await signer.signDetached(digest)).toString('hex'), from + 1, 'latin1');
  return made;
}

/** A new annotation on the first page. */
export const annotation = (body: string) => (pdf: Buffer) => {
  const number = freshNumber(pdf);
  const page = bodyOf(pdf, 3).replace(/\/Annots ?\[/, `/Annots [${number} 0 R `);
  return edited(pdf, { 3: page, [number]: `<</Type/Annot${body}>>` });
};

/** `contractWithEverything`, signed by one company with a seal on its first page; another company that may sign too. */
export async function signedContract(): Promise<{
  signer: TestSigner;
  other: TestSigner;
  roots: Buffer[];
  signed: Buffer;
}> {
  const signer = await testSigner('P-256', '上海甲房地产经纪有限公司');
  const other = await testSigner('RSA-2048', '北京乙置业有限公司');
  const roots = [signer, other].map(({ rootPem }) => new X509Certificate(rootPem).raw);
  return { signer, other, roots, signed: await sealed(contractWithEverything(), '甲', signer) };
}

/** Signed with a seal on the first page, `x` points from its left. */
export async function sealed(pdf: Buffer, fieldName: string, signer: TestSigner, x = 300): Promise<Buffer> {
  return signPdf({ pdf, fieldName, signer, signedAt: new Date(), widget: sealAt(0, x, 300) });
}
