import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { FoundFile } from './packages.ts';
import { html, POSTSCRIPT, spreadsheet, SVG, textDocument } from './sources.ts';

const run = promisify(execFile);
const PROGRAM_MS_MAX = 120_000;
/** The largest page that readers agree to show (ISO 32000-1, annex C): 200 inches. */
const HUGE_PAGE_MM = 5_079;

/** A program at hand, the files it makes, by name. */
interface Maker {
  readonly origin: string;
  make(work: Workplace): Promise<Record<string, Buffer>>;
}

/** A folder for one maker. */
interface Workplace {
  /** Writes an input and answers its path. */
  put(name: string, content: string | Buffer): Promise<string>;
  path(name: string): string;
  read(name: string): Promise<Buffer>;
  run(program: string, ...args: string[]): Promise<void>;
}

/** Makes PDFs by the programs at hand; `missing` are those that are not, or that made nothing. */
export async function madeFiles(directory: string): Promise<{ files: FoundFile[]; missing: string[] }> {
  const files: FoundFile[] = [];
  const missing: string[] = [];
  for (const maker of MAKERS) {
    try {
      const made = await maker.make(await workplace(join(directory, maker.origin)));
      for (const [name, bytes] of Object.entries(made)) files.push({ name, origin: maker.origin, bytes });
    } catch (error) {
      missing.push(`${maker.origin}: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)}`);
    }
  }
  return { files, missing };
}

async function workplace(folder: string): Promise<Workplace> {
  await mkdir(folder, { recursive: true });
  const path = (name: string): string => join(folder, name);
  return {
    path,
    async put(name, content) {
      await writeFile(path(name), content);
      return path(name);
    },
    read: (name) => readFile(path(name)),
    async run(program, ...args) {
      await run(program, args, { cwd: folder, timeout: PROGRAM_MS_MAX, env: { ...process.env, HOME: folder } });
    },
  };
}

const MAKERS: readonly Maker[] = [
  {
    origin: 'Chromium, print to PDF',
    async make(work) {
      const pages = {
        'chromium-a4.pdf': html(3),
        'chromium-landscape.pdf': html(2, 'size: A5 landscape; margin: 0'),
        'chromium-huge-page.pdf': html(1, `size: ${HUGE_PAGE_MM}mm 3000mm`),
      };
      const made: Record<string, Buffer> = {};
      for (const [name, text] of Object.entries(pages)) {
        const source = await work.put(`${name}.html`, text);
        const options = ['--headless', '--no-sandbox', '--disable-gpu', '--no-pdf-header-footer'];
        await work.run(chromium(), ...options, `--print-to-pdf=${work.path(name)}`, `file://${source}`);
        made[name] = await work.read(name);
      }
      return made;
    },
  },
  {
    origin: 'LibreOffice',
    async make(work) {
      const sources = {
        'writer.fodt': textDocument(),
        'writer-huge-page.fodt': textDocument({ width: 300, height: 200 }),
        'writer-form.fodt': textDocument({ form: true }),
        'calc.fods': spreadsheet(),
      };
      for (const [name, text] of Object.entries(sources)) await work.put(name, text);
      const convert = (to: string, ...names: string[]) =>
        work.run(
          'soffice',
          '--headless',
          `-env:UserInstallation=file://${work.path('profile')}`,
          '--convert-to',
          to,
          ...names,
        );
      await convert('pdf', ...Object.keys(sources));
      const made: Record<string, Buffer> = {};
      for (const name of Object.keys(sources)) {
        const pdf = name.replace(/\.\w+$/, '.pdf');
        made[`libreoffice-${pdf}`] = await work.read(pdf);
      }
      const option = (name: string, type: string, value: string) => `"${name}":{"type":"${type}","value":"${value}"}`;
      const filters = {
        'pdf-a-1': option('SelectPdfVersion', 'long', '1'),
        'pdf-a-3-tagged': `${option('SelectPdfVersion', 'long', '3')},${option('UseTaggedPDF', 'boolean', 'true')}`,
        password: `${option('EncryptFile', 'boolean', 'true')},${option('DocumentOpenPassword', 'string', 'secret')}`,
      };
      for (const [name, filter] of Object.entries(filters)) {
        await convert(`pdf:writer_pdf_Export:{${filter}}`, 'writer.fodt');
        made[`libreoffice-${name}.pdf`] = await work.read('writer.pdf');
      }
      return made;
    },
  },
  {
    origin: 'Ghostscript',
    async make(work) {
      const source = await work.put('in.ps', POSTSCRIPT);
      const made: Record<string, Buffer> = {};
      const variants: Record<string, string[]> = {
        'gs-1.3.pdf': ['-sDEVICE=pdfwrite', '-dCompatibilityLevel=1.3', source],
        'gs-1.7.pdf': ['-sDEVICE=pdfwrite', '-dCompatibilityLevel=1.7', source],
        'gs-image.pdf': ['-sDEVICE=pdfimage24', '-r72', source],
        'gs-fast-web-view.pdf': ['-sDEVICE=pdfwrite', '-dFastWebView=true', source],
        'gs-cropped.pdf': ['-sDEVICE=pdfwrite', '-c', '[/CropBox [60 90 420 400] /PAGES pdfmark', '-f', source],
        'gs-rotated.pdf': [
          '-sDEVICE=pdfwrite',
          '-dAutoRotatePages=/None',
          '-c',
          '[{ThisPage} <</Rotate 90>> /PUT pdfmark',
          '-f',
          source,
        ],
        'gs-encrypted.pdf': [
          '-sDEVICE=pdfwrite',
          '-sOwnerPassword=o',
          '-sUserPassword=',
          '-dEncryptionR=3',
          '-dKeyLength=128',
          source,
        ],
      };
      for (const [name, options] of Object.entries(variants)) {
        await work.run('gs', '-q', '-dNOPAUSE', '-dBATCH', '-dSAFER', '-o', work.path(name), ...options);
        made[name] = await work.read(name);
      }
      return made;
    },
  },
  {
    origin: 'Cairo (rsvg-convert, pdftocairo)',
    async make(work) {
      const svg = await work.put('in.svg', SVG);
      await work.run('rsvg-convert', '-f', 'pdf', '-o', work.path('rsvg.pdf'), svg);
      await work.run('rsvg-convert', '-f', 'pdf', '-z', '30', '-o', work.path('rsvg-huge-page.pdf'), svg);
      await work.run('pdftocairo', '-pdf', work.path('rsvg.pdf'), work.path('pdftocairo.pdf'));
      return {
        'rsvg.pdf': await work.read('rsvg.pdf'),
        'rsvg-huge-page.pdf': await work.read('rsvg-huge-page.pdf'),
        'pdftocairo.pdf': await work.read('pdftocairo.pdf'),
      };
    },
  },
];

/** What programs that rewrite PDFs make of one that another program made, and what accidents make of it. */
export async function rewrittenFiles(
  directory: string,
  from: FoundFile,
): Promise<{ files: FoundFile[]; missing: string[] }> {
  const work = await workplace(join(directory, `rewritten-${crypto.randomUUID()}`));
  const source = await work.put('in.pdf', from.bytes);
  const files: FoundFile[] = [];
  const missing: string[] = [];
  for (const [name, [program, ...args]] of Object.entries(REWRITES)) {
    const origin = `${program} of ${from.name}`;
    try {
      const named = args.map((each) => (each === 'IN' ? source : each === 'OUT' ? work.path(name) : each));
      await work.run(program, ...named);
      files.push({ name, origin, bytes: await work.read(name) });
    } catch (error) {
      missing.push(`${name}: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)}`);
    }
  }
  for (const [name, happen] of Object.entries(ACCIDENTS)) {
    files.push({ name, origin: `accident to ${from.name}`, bytes: happen(from.bytes) });
  }
  return { files, missing };
}

const REWRITES: Readonly<Record<string, readonly [string, ...string[]]>> = {
  'qpdf-linearised.pdf': ['qpdf', '--linearize', 'IN', 'OUT'],
  'qpdf-object-streams.pdf': ['qpdf', '--object-streams=generate', 'IN', 'OUT'],
  'qpdf-linearised-object-streams.pdf': ['qpdf', '--linearize', '--object-streams=generate', 'IN', 'OUT'],
  'qpdf-qdf.pdf': ['qpdf', '--qdf', '--object-streams=disable', 'IN', 'OUT'],
  'qpdf-rotated-90.pdf': ['qpdf', '--rotate=+90', 'IN', 'OUT'],
  'qpdf-rotated-180.pdf': ['qpdf', '--rotate=+180', '--object-streams=generate', 'IN', 'OUT'],
  'qpdf-first-page-thrice.pdf': ['qpdf', '--empty', '--pages', 'IN', '1', 'IN', '1', 'IN', '1', '--', 'OUT'],
  'qpdf-reversed.pdf': ['qpdf', 'IN', '--pages', '.', 'z-1', '--', 'OUT'],
  'qpdf-aes256-empty-password.pdf': ['qpdf', '--encrypt', '', 'owner', '256', '--', 'IN', 'OUT'],
  'qpdf-aes256-password.pdf': ['qpdf', '--encrypt', 'user', 'owner', '256', '--', 'IN', 'OUT'],
  'qpdf-aes128-no-changes.pdf': [
    'qpdf',
    '--encrypt',
    '',
    'owner',
    '128',
    '--modify=none',
    '--use-aes=y',
    '--',
    'IN',
    'OUT',
  ],
  'qpdf-rc4-40.pdf': ['qpdf', '--allow-weak-crypto', '--encrypt', '', 'owner', '40', '--', 'IN', 'OUT'],
  'mutool-clean.pdf': ['mutool', 'clean', '-ggg', '-z', 'IN', 'OUT'],
  'mutool-ascii.pdf': ['mutool', 'clean', '-a', '-d', 'IN', 'OUT'],
  'mutool-poster.pdf': ['mutool', 'poster', '-x', '2', '-y', '2', 'IN', 'OUT'],
  'mutool-merged.pdf': ['mutool', 'merge', '-o', 'OUT', 'IN', 'IN'],
  'pdftocairo-rewritten.pdf': ['pdftocairo', '-pdf', 'IN', 'OUT'],
  'pdfunite.pdf': ['pdfunite', 'IN', 'IN', 'OUT'],
  'gs-rewritten.pdf': ['gs', '-q', '-dNOPAUSE', '-dBATCH', '-sDEVICE=pdfwrite', '-o', 'OUT', 'IN'],
};

const ACCIDENTS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  'cut-short.pdf': (bytes) => bytes.subarray(0, Math.floor(bytes.length * 0.7)),
  'tail-lost.pdf': (bytes) => bytes.subarray(0, bytes.lastIndexOf('startxref')),
  'junk-before.pdf': (bytes) =>
    Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n\r\n'), bytes]),
  'zeros-behind.pdf': (bytes) => Buffer.concat([bytes, Buffer.alloc(700)]),
  'line-break-behind.pdf': (bytes) => Buffer.concat([bytes, Buffer.from('\r\n\r\n')]),
  'one-byte-more-in-front-of-the-table.pdf': (bytes) => {
    const at = bytes.indexOf('endobj');
    return Buffer.concat([bytes.subarray(0, at), Buffer.from(' '), bytes.subarray(at)]);
  },
  'as-text.pdf': (bytes) => Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r\n'), 'latin1'),
  'zeroed-middle.pdf': (bytes) => {
    const copy = Buffer.from(bytes);
    copy.fill(0, Math.floor(bytes.length * 0.5), Math.floor(bytes.length * 0.9));
    return copy;
  },
  'empty.pdf': () => Buffer.alloc(0),
  'login-page.pdf': () => Buffer.from('<!doctype html><title>Log in</title>'),
};

function chromium(): string {
  return process.env['CHROMIUM_PATH'] ?? 'chromium';
}
