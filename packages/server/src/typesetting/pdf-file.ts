import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import type { Font } from 'fontkit';
import { chinaDateTime } from '../platform/clock.ts';
import { songFont } from '../platform/song-font.ts';
import type { Mark, PageMarks } from './marks.ts';

const compress = promisify<Buffer, Buffer>(deflate);

export interface PdfFile {
  pages: readonly PageMarks[];
  /** Points. */
  width: number;
  height: number;
  title: string;
  at: Date;
  attachments: readonly Attachment[];
}

/** A file inside of the file, for programs. */
export interface Attachment {
  /** Letters, digits, dots and hyphens. */
  name: string;
  /** Such as application/json. */
  mediaType: string;
  bytes: Buffer;
}

/** Of the subset: six letters and a plus sign (ISO 32000-1, 9.6.4). */
const FONT_NAME = 'YINXIN+NotoSerifSC-SemiBold';
/** Serif and symbolic: the glyphs are found by their number and not by a standard encoding (9.8.2). */
const FONT_FLAGS = 2 + 4;
const STEM_V = 120;
/** A bfchar block holds 100 entries at most (Adobe Technical Note 5014). */
const BFCHAR_MAX = 100;

const OBJECT = {
  catalog: 1,
  pages: 2,
  font: 3,
  cidFont: 4,
  descriptor: 5,
  fontFile: 6,
  toUnicode: 7,
  info: 8,
} as const;
const FIRST_PAGE_OBJECT = 9;

/** The file: one Type 0 font with a subset of its glyphs embedded, so that its text can be read, searched and copied. */
export async function writePdf(file: PdfFile): Promise<Buffer> {
  const subset = await subsetFor(file.pages);
  const pageRefs = file.pages.map((_, index) => FIRST_PAGE_OBJECT + 2 * index);
  const objects: Buffer[] = [
    catalog(file),
    Buffer.from(
      `<< /Type /Pages /Kids [${pageRefs.map((ref) => `${ref} 0 R`).join(' ')}] /Count ${pageRefs.length} >>`,
    ),
    ...(await fontObjects(subset)),
    Buffer.from(`<< /Title ${hexText(file.title)} /Producer (Yinxin) /CreationDate (${pdfDate(file.at)}) >>`),
  ];
  for (const [index, page] of file.pages.entries()) {
    const ref = FIRST_PAGE_OBJECT + 2 * index;
    const box = `[0 0 ${file.width} ${file.height}]`;
    const resources = `<< /Font << /F1 ${OBJECT.font} 0 R >> >>`;
    objects.push(
      Buffer.from(
        `<< /Type /Page /Parent ${OBJECT.pages} 0 R /MediaBox ${box} /Resources ${resources} /Contents ${ref + 1} 0 R >>`,
      ),
      await streamOf(Buffer.from(page.map((mark) => operators(mark, subset)).join('\n'), 'latin1')),
    );
  }
  for (const [index, attachment] of file.attachments.entries()) {
    objects.push(...(await attachmentObjects(attachment, firstAttachment(file) + 2 * index, file.at)));
  }
  return assemble(objects);
}

function firstAttachment({ pages }: PdfFile): number {
  return FIRST_PAGE_OBJECT + 2 * pages.length;
}

/** The root (7.7.2); attachments stand in its name tree and are the document's own (ISO 32000-2, 14.13). */
function catalog(file: PdfFile): Buffer {
  const refs = file.attachments.map((_, index) => `${firstAttachment(file) + 2 * index} 0 R`);
  const names = file.attachments.map(({ name }, index) => `(${name}) ${refs[index] ?? ''}`);
  const attached =
    refs.length === 0 ? '' : `/Names << /EmbeddedFiles << /Names [${names.join(' ')}] >> >> /AF [${refs.join(' ')}] `;
  return Buffer.from(
    `<< /Type /Catalog /Pages ${OBJECT.pages} 0 R /Lang (zh-CN) ${attached}` +
      '/ViewerPreferences << /DisplayDocTitle true >> >>',
  );
}

/** A file specification and its embedded file stream (7.11.3, 7.11.4). */
async function attachmentObjects({ name, mediaType, bytes }: Attachment, ref: number, at: Date): Promise<Buffer[]> {
  const type = mediaType.replace('/', '#2F');
  const md5 = createHash('md5').update(bytes).digest('hex');
  return [
    Buffer.from(
      `<< /Type /Filespec /F (${name}) /UF (${name}) /AFRelationship /Data /EF << /F ${ref + 1} 0 R /UF ${ref + 1} 0 R >> >>`,
    ),
    await streamOf(
      bytes,
      `/Type /EmbeddedFile /Subtype /${type} ` +
        `/Params << /Size ${bytes.length} /CreationDate (${pdfDate(at)}) /CheckSum <${md5}> >> `,
    ),
  ];
}

interface Subset {
  font: Font;
  /** The TrueType file with the used glyphs alone. */
  bytes: Buffer;
  /** A character's number in the subset. */
  glyphs: ReadonlyMap<string, number>;
}

async function subsetFor(pages: readonly PageMarks[]): Promise<Subset> {
  const font = await songFont();
  const texts = pages.flat().flatMap((mark) => (mark.kind === 'text' ? [mark.text] : []));
  const subset = font.createSubset();
  const glyphs = new Map<string, number>();
  for (const character of new Set(Array.from(texts.join('')))) {
    const glyph = font.glyphForCodePoint(character.codePointAt(0) ?? 0);
    // Answers the glyph's number in the subset, whatever its declaration says.
    glyphs.set(character, Number(subset.includeGlyph(glyph)));
  }
  return { font, bytes: Buffer.from(subset.encode()), glyphs };
}

async function fontObjects({ font, bytes, glyphs }: Subset): Promise<Buffer[]> {
  const scale = 1000 / font.unitsPerEm;
  const round = (value: number): number => Math.round(value * scale);
  const { minX, minY, maxX, maxY } = font.bbox;
  const widths = [...glyphs]
    .map(([character, glyph]) => {
      const { advanceWidth } = font.glyphForCodePoint(character.codePointAt(0) ?? 0);
      return `${glyph} [${round(advanceWidth)}]`;
    })
    .join(' ');
  return [
    Buffer.from(
      `<< /Type /Font /Subtype /Type0 /BaseFont /${FONT_NAME} /Encoding /Identity-H ` +
        `/DescendantFonts [${OBJECT.cidFont} 0 R] /ToUnicode ${OBJECT.toUnicode} 0 R >>`,
    ),
    Buffer.from(
      `<< /Type /Font /Subtype /CIDFontType2 /BaseFont /${FONT_NAME} /CIDToGIDMap /Identity ` +
        '/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> ' +
        `/FontDescriptor ${OBJECT.descriptor} 0 R /DW 1000 /W [${widths}] >>`,
    ),
    Buffer.from(
      `<< /Type /FontDescriptor /FontName /${FONT_NAME} /Flags ${FONT_FLAGS} ` +
        `/FontBBox [${[minX, minY, maxX, maxY].map(round).join(' ')}] /ItalicAngle 0 /Ascent ${round(font.ascent)} ` +
        `/Descent ${round(font.descent)} /CapHeight ${round(font.capHeight)} /StemV ${STEM_V} ` +
        `/FontFile2 ${OBJECT.fontFile} 0 R >>`,
    ),
    await streamOf(bytes, `/Length1 ${bytes.length} `),
    await streamOf(Buffer.from(toUnicode(glyphs), 'latin1')),
  ];
}

/** What each glyph's number says in Unicode (9.10.3): what a reader searches and copies. */
function toUnicode(glyphs: ReadonlyMap<string, number>): string {
  const entries = [...glyphs].map(([character, glyph]) => `<${hex16(glyph)}> <${utf16Hex(character)}>`);
  const blocks: string[] = [];
  for (let at = 0; at < entries.length; at += BFCHAR_MAX) {
    const block = entries.slice(at, at + BFCHAR_MAX);
    blocks.push(`${block.length} beginbfchar\n${block.join('\n')}\nendbfchar`);
  }
  return [
    '/CIDInit /ProcSet findresource begin',
    '12 dict begin',
    'begincmap',
    '/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def',
    '/CMapName /Adobe-Identity-UCS def',
    '/CMapType 2 def',
    '1 begincodespacerange',
    '<0000> <FFFF>',
    'endcodespacerange',
    ...blocks,
    'endcmap',
    'CMapName currentdict /CMap defineresource pop',
    'end',
    'end',
  ].join('\n');
}

function operators(mark: Mark, { glyphs }: Subset): string {
  switch (mark.kind) {
    case 'text': {
      const codes = Array.from(mark.text, (character) => hex16(glyphs.get(character) ?? 0)).join('');
      return (
        `BT /F1 ${decimal(mark.size)} Tf ${rgb(mark.colour)} rg ` +
        `1 0 0 1 ${decimal(mark.x)} ${decimal(mark.y)} Tm <${codes}> Tj ET`
      );
    }
    case 'line':
      return (
        `${decimal(mark.width)} w ${rgb(mark.colour)} RG ` +
        `${decimal(mark.x1)} ${decimal(mark.y1)} m ${decimal(mark.x2)} ${decimal(mark.y2)} l S`
      );
    case 'box':
      return `${rgb(mark.fill)} rg ${[mark.x, mark.y, mark.width, mark.height].map(decimal).join(' ')} re f`;
  }
  return mark satisfies never;
}

async function streamOf(bytes: Buffer, more = ''): Promise<Buffer> {
  const packed = await compress(bytes);
  return Buffer.concat([
    Buffer.from(`<< /Length ${packed.length} ${more}/Filter /FlateDecode >>\nstream\n`),
    packed,
    Buffer.from('\nendstream'),
  ]);
}

function assemble(objects: readonly Buffer[]): Buffer {
  // The second line's bytes above 127 tell programs that the file is binary (7.5.2).
  const parts = [Buffer.from('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n', 'latin1')];
  let offset = parts[0]?.length ?? 0;
  const offsets = objects.map((object, index) => {
    const whole = Buffer.concat([Buffer.from(`${index + 1} 0 obj\n`), object, Buffer.from('\nendobj\n')]);
    const at = offset;
    parts.push(whole);
    offset += whole.length;
    return at;
  });
  const id = createHash('sha256').update(Buffer.concat(parts)).digest('hex').slice(0, 32);
  const size = objects.length + 1;
  const entries = offsets.map((at) => `${String(at).padStart(10, '0')} 00000 n \n`).join('');
  parts.push(
    Buffer.from(
      `xref\n0 ${size}\n0000000000 65535 f \n${entries}trailer\n<< /Size ${size} /Root ${OBJECT.catalog} 0 R ` +
        `/Info ${OBJECT.info} 0 R /ID [<${id}> <${id}>] >>\nstartxref\n${offset}\n%%EOF\n`,
    ),
  );
  return Buffer.concat(parts);
}

function decimal(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}

function rgb(colour: string): string {
  return [1, 3, 5].map((at) => decimal(Number.parseInt(colour.slice(at, at + 2), 16) / 255)).join(' ');
}

function hex16(value: number): string {
  return value.toString(16).padStart(4, '0');
}

function utf16Hex(text: string): string {
  return Buffer.from(text, 'utf16le').swap16().toString('hex');
}

/** A text string (7.9.2.2) in UTF-16 with its mark. */
function hexText(text: string): string {
  return `<feff${utf16Hex(text)}>`;
}

/** A date (7.9.4) in China time. */
function pdfDate(at: Date): string {
  return `D:${chinaDateTime(at).replace(/\D/g, '')}+08'00'`;
}
