import { execFile, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PDFDocument } from '@cantoo/pdf-lib';
import type { Appearance, AppearancePath, Drawing, PathCommand, Widget } from '../../src/documents/index.ts';
import { createRoot, issueCompanyCertificate } from '../../src/trust/authority.ts';
import { generatePrivateKey, softwareKey } from '../../src/trust/keys/software-key.ts';
import { documentSigner } from '../../src/trust/index.ts';
import type { DocumentSigner, KeyAlgorithm } from '../../src/trust/index.ts';

const run = promisify(execFile);

/** Runs `work` in a temporary directory that is gone afterwards. */
async function inTemporaryDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'yinxin-pdf-'));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A PDF with `count` white A4 pages. */
export async function blankPdf(count: number, options: { objectStreams?: boolean } = {}): Promise<Buffer> {
  const document = await PDFDocument.create();
  for (let page = 1; page <= count; page += 1) document.addPage([595, 842]).drawText(`${page}`, { x: 30, y: 800 });
  return Buffer.from(await document.save({ useObjectStreams: options.objectStreams ?? false }));
}

/** What qpdf makes of a PDF. */
export async function throughQpdf(pdf: Buffer, ...options: string[]): Promise<Buffer> {
  return inTemporaryDirectory(async (directory) => {
    await writeFile(join(directory, 'in.pdf'), pdf);
    await run('qpdf', [...options, join(directory, 'in.pdf'), join(directory, 'out.pdf')]);
    return readFile(join(directory, 'out.pdf'));
  });
}

export type TestSigner = DocumentSigner & { rootPem: string };

/** A company's signer under a root of its own. */
export async function testSigner(keyAlgorithm: KeyAlgorithm, companyName: string): Promise<TestSigner> {
  const now = new Date();
  const [rootKey, key] = [
    softwareKey(await generatePrivateKey(keyAlgorithm)),
    softwareKey(await generatePrivateKey(keyAlgorithm)),
  ];
  const root = await createRoot(rootKey, now);
  const issued = await issueCompanyCertificate(
    { certificate: root.certificate, key: rootKey },
    { subject: { companyName, socialCreditCode: '91310000MA1FL0000X' }, publicKey: key.publicKey, now, days: 1095 },
  );
  const identity = { key, certificate: issued.certificate, chain: [root.certificate] };
  return { ...documentSigner(identity), rootPem: new X509Certificate(root.certificate).toString() };
}

/** A filled upright rectangle from the drawing's lower edge. */
export function stripe(fill: string, left: number, width: number, height: number): AppearancePath {
  const right = left + width;
  const commands: PathCommand[] = [
    { op: 'M', x: left, y: 0 },
    { op: 'L', x: right, y: 0 },
    { op: 'L', x: right, y: height },
    { op: 'L', x: left, y: height },
    { op: 'Z' },
  ];
  return { fill, commands };
}

/** A filled square: whatever of it is missing shows at once. */
export function square(fill: string, size = 100): Appearance {
  return { width: size, height: size, paths: [stripe(fill, 0, size, size)] };
}

export const RED = '#D00000';

/** A square of 100 points around its centre, red unless another colour is named. */
export function drawingAt(x: number, y: number, fill = RED): Drawing {
  return { rect: [x - 50, y - 50, x + 50, y + 50], appearance: square(fill) };
}

/** A widget of one red square. */
export function sealAt(pageIndex: number, x: number, y: number): Widget {
  return { pageIndex, drawings: [drawingAt(x, y)] };
}

export type PdfsigEntry = { field: string; commonName: string; valid: boolean; whole: boolean };

/** pdfsig's report: one entry for each widget of each signature field, so one for each signature. */
export async function pdfsig(pdf: Buffer): Promise<PdfsigEntry[]> {
  return inTemporaryDirectory(async (directory) => {
    const file = join(directory, 'signed.pdf');
    await writeFile(file, pdf);
    const report = spawnSync('pdfsig', ['-nocert', file], { encoding: 'utf8', env: { ...process.env, TZ: 'UTC' } });
    return report.stdout
      .split(/^Signature #\d+:$/m)
      .slice(1)
      .map((text) => ({
        field: /Signature Field Name: (.*)/.exec(text)?.[1] ?? '',
        commonName: /Signer Certificate Common Name: (.*)/.exec(text)?.[1] ?? '',
        valid: text.includes('Signature Validation: Signature is Valid.'),
        whole: text.includes('- Total document signed'),
      }));
  });
}

/** qpdf's exit code and words; 0 is sound, 3 sound with warnings. */
export async function qpdfCheck(pdf: Buffer): Promise<{ status: number | null; text: string }> {
  return inTemporaryDirectory(async (directory) => {
    const file = join(directory, 'signed.pdf');
    await writeFile(file, pdf);
    const { status, stdout, stderr } = spawnSync('qpdf', ['--check', file], { encoding: 'utf8' });
    return { status, text: stdout + stderr };
  });
}

/** Every signature's bytes, in the order in which they stand in the file: what is signed, and the CMS over it. */
export function extractSignatures(pdf: Buffer): { content: Buffer; cms: Buffer }[] {
  return [...pdf.toString('latin1').matchAll(/\/ByteRange \[0 (\d+) (\d+) (\d+)\]/g)].map((match) => {
    const [end = 0, start = 0, length = 0] = match.slice(1).map(Number);
    const content = Buffer.concat([pdf.subarray(0, end), pdf.subarray(start, start + length)]);
    return { content, cms: Buffer.from(pdf.toString('latin1', end + 1, start - 1), 'hex') };
  });
}

/** `openssl cms -verify` against one root, the signing-certificate attribute included (-cades). */
export async function opensslVerify(signature: { content: Buffer; cms: Buffer }, rootPem: string): Promise<string> {
  return inTemporaryDirectory(async (directory) => {
    await writeFile(join(directory, 'content'), signature.content);
    await writeFile(join(directory, 'cms'), signature.cms);
    await writeFile(join(directory, 'root.pem'), rootPem);
    const options = ['-verify', '-binary', '-inform', 'DER', '-in', 'cms', '-content', 'content', '-out', 'out'];
    const { stderr } = spawnSync('openssl', ['cms', ...options, '-cades', '-CAfile', 'root.pem'], {
      cwd: directory,
      encoding: 'utf8',
    });
    return stderr.trim();
  });
}

export type Image = { width: number; height: number; colourAt: (x: number, y: number) => [number, number, number] };

/** A page as poppler shows it, a pixel a point; `colourAt` takes points of the page as seen, from its lower left. */
export async function render(pdf: Buffer, page: number): Promise<Image> {
  return inTemporaryDirectory(async (directory) => {
    await writeFile(join(directory, 'in.pdf'), pdf);
    const options = ['-r', '72', '-cropbox', '-singlefile', '-f', String(page), '-l', String(page)];
    await run('pdftoppm', [...options, join(directory, 'in.pdf'), join(directory, 'page')]);
    const ppm = await readFile(join(directory, 'page.ppm'));
    const header = /^P6\s(\d+)\s(\d+)\s255\s/.exec(ppm.toString('latin1', 0, 64))!;
    const [width, height] = [Number(header[1]), Number(header[2])];
    return {
      width,
      height,
      colourAt(x, y) {
        const at = header[0].length + ((height - 1 - Math.floor(y)) * width + Math.floor(x)) * 3;
        return [ppm[at]!, ppm[at + 1]!, ppm[at + 2]!];
      },
    };
  });
}

/** Whether a page, counted from 1, is red at each of these points. */
export async function isRed(pdf: Buffer, page: number, ...points: [number, number][]): Promise<boolean[]> {
  const image = await render(pdf, page);
  return points.map(([x, y]) => isRedColour(image.colourAt(x, y)));
}

/** Red as seals are, not orange, pink or grey. */
export function isRedColour([red, green, blue]: [number, number, number]): boolean {
  return red > 180 && green < 60 && blue < 60;
}
