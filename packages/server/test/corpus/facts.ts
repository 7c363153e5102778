import { execFile } from 'node:child_process';

/** What other programs say of a file, so that our own reading of it is held against theirs. */
export interface Facts {
  /** What makes the file special. */
  readonly traits: readonly string[];
  readonly pageCount: number | null;
  readonly isEncrypted: boolean;
  readonly headerAt: number;
  /** 0 sound, 3 sound with warnings, 2 damaged, as qpdf has it. */
  readonly qpdfStatus: number | null;
  readonly hasXfa: boolean;
  readonly hasUndrawnForm: boolean;
  readonly forbidsChanges: boolean;
}

const TOOL_MS_MAX = 60_000;
const OUTPUT_BYTES_MAX = 256 * 1024 * 1024;
const BIG_PAGE_POINTS = 2_000;

/** A program's exit code and what it printed. */
function run(command: string, ...args: string[]): Promise<{ status: number | null; stdout: string }> {
  const options = { timeout: TOOL_MS_MAX, maxBuffer: OUTPUT_BYTES_MAX, encoding: 'latin1' } as const;
  return new Promise((resolve) => {
    const child = execFile(command, args, options, (_error, stdout) => resolve({ status: child.exitCode, stdout }));
  });
}

export async function readFacts(path: string, bytes: Buffer): Promise<Facts> {
  const qdf = ['--qdf', '--object-streams=disable', '--stream-data=preserve', '--warning-exit-0'];
  const [encryption, about, check, written] = await Promise.all([
    run('qpdf', '--is-encrypted', path),
    run('pdfinfo', '-box', '-f', '1', '-l', '3', path),
    run('qpdf', '--check', path),
    // Object streams opened, so that what is inside of them can be searched for.
    run('qpdf', ...qdf, path, '-'),
  ]);
  const isEncrypted = encryption.status === 0;
  const info = about.stdout;
  const opened = written.stdout;
  const said = (name: string) => new RegExp(`^${name}: +(.*)$`, 'm').exec(info)?.[1]?.trim() ?? '';
  const pages = Number(said('Pages'));
  return {
    traits: traitsOf({ bytes, opened, info, isEncrypted, form: said('Form') }),
    pageCount: Number.isInteger(pages) && said('Pages') !== '' ? pages : null,
    isEncrypted,
    headerAt: bytes.subarray(0, 1024).indexOf('%PDF-'),
    qpdfStatus: check.status,
    hasXfa: said('Form') === 'XFA' || /\/XFA\b/.test(opened),
    hasUndrawnForm: /\/NeedAppearances true/.test(opened),
    forbidsChanges: /\/(DocMDP|FieldMDP)\b/.test(opened),
  };
}

function traitsOf(file: { bytes: Buffer; opened: string; info: string; isEncrypted: boolean; form: string }): string[] {
  const { bytes, opened, info, isEncrypted, form } = file;
  const text = bytes.toString('latin1');
  const traits: string[] = [];
  const start = Number(/startxref\s+(\d+)\s+%%EOF\s*$/.exec(text.slice(-2048))?.[1] ?? Number.NaN);
  if (text.slice(0, 2048).includes('/Linearized')) traits.push('linearised');
  if (Number.isNaN(start)) traits.push('no usual end');
  else if (text.startsWith('xref', start)) traits.push(/\/XRefStm/.test(text) ? 'hybrid' : 'table');
  else if (/^\d+ \d+ obj/.test(text.slice(start, start + 24))) traits.push('xref stream');
  else traits.push('cross-reference elsewhere');
  if (/\/ObjStm\b/.test(text)) traits.push('object streams');
  if ((text.match(/startxref/g)?.length ?? 0) > 1 && !traits.includes('linearised')) traits.push('revisions');
  if (isEncrypted) traits.push('encrypted');
  if (/\/ByteRange/.test(opened)) traits.push('signed');
  if (/AcroForm|XFA/.test(form)) traits.push('form');
  if (/rot: +(90|180|270)/.test(info)) traits.push('rotated');
  const boxes = (name: string) => [...info.matchAll(new RegExp(`${name}: +(.*)$`, 'gm'))].map((match) => match[1]);
  if (boxes('MediaBox').join() !== boxes('CropBox').join()) traits.push('cropped');
  const sizes = [...info.matchAll(/size: +([\d.]+) x ([\d.]+)/g)].flatMap((match) => [
    Number(match[1]),
    Number(match[2]),
  ]);
  if (sizes.some((size) => size > BIG_PAGE_POINTS)) traits.push('huge page');
  if (/Tagged: +yes/.test(info)) traits.push('tagged');
  return traits;
}
