import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkPdf, signPdf } from '../../src/documents/index.ts';
import type { PageSize, PdfRefusal, Widget } from '../../src/documents/index.ts';
import { extractSignatures, opensslVerify, pdfsig, RED, stripe, type TestSigner } from '../support/signed-pdf.ts';
import { readFacts, type Facts } from './facts.ts';
import type { FoundFile } from './packages.ts';
import { pageDifference, type RelativeBox } from './pixels.ts';

/** What became of one file. `faults` is empty where all is as it should be. */
export interface Examined {
  readonly name: string;
  readonly origin: string;
  readonly byteLength: number;
  readonly facts: Facts;
  readonly outcome: { readonly kind: 'signed' } | { readonly kind: 'refused'; readonly reason: PdfRefusal };
  readonly faults: readonly string[];
}

/** Two companies, each under a root of its own. */
export type Signers = readonly [TestSigner, TestSigner];

const SEAL_POINTS_MAX = 100;
/** Where the two seals stand: their centres, as parts of the page. */
const CENTRES = [
  [0.3, 0.25],
  [0.7, 0.6],
] as const;
const NAMES = ['corpus-first', 'corpus-second'] as const;

/** Signs a file twice and asks other programs what they think of it; or finds it refused, and whether that fits. */
export async function examine(directory: string, file: FoundFile, signers: Signers): Promise<Examined> {
  const id = crypto.randomUUID();
  const path = join(directory, `${id}.pdf`);
  await writeFile(path, file.bytes);
  const facts = await readFacts(path, file.bytes);
  const about = { name: file.name, origin: file.origin, byteLength: file.bytes.length, facts };
  const check = checkPdf(file.bytes);
  if (!check.ok) {
    const fits = FITS[check.reason](facts);
    const { reason } = check;
    return { ...about, outcome: { kind: 'refused', reason }, faults: fits ? [] : [`${reason} does not fit`] };
  }
  const faults: string[] = [];
  const { pages } = check;
  if (facts.pageCount !== null && pages.length !== facts.pageCount) {
    faults.push(`${pages.length} pages where poppler has ${facts.pageCount}`);
  }
  const seals = [0, pages.length - 1].map((pageIndex, index) => sealOn(pageIndex, pages, CENTRES[index] ?? [0.5, 0.5]));
  let signed = file.bytes;
  for (const [index, fieldName] of NAMES.entries()) {
    const { widget } = seals[index]!;
    signed = await signPdf({ pdf: signed, fieldName, widget, signer: signers[index]!, signedAt: new Date() });
  }
  const signedPath = join(directory, `${id}-signed.pdf`);
  await writeFile(signedPath, signed);
  faults.push(...(await signatureFaults(file.bytes, signed, signers)));
  faults.push(...structureFaults(facts, signedPath), ...secondOpinion(signedPath));
  for (const page of new Set([1, Math.ceil(pages.length / 2), pages.length])) {
    const boxes = seals.filter((seal) => seal.widget.pageIndex === page - 1).map((seal) => seal.box);
    const difference = await pageDifference(directory, [path, signedPath], page, boxes);
    if (difference !== null) faults.push(difference);
  }
  return { ...about, outcome: { kind: 'signed' }, faults };
}

/** A striped seal, that shows on white, black and red pages alike. */
function sealOn(
  pageIndex: number,
  pages: readonly PageSize[],
  centre: readonly [number, number],
): { widget: Widget; box: RelativeBox } {
  const { width, height } = pages[pageIndex]!;
  const size = Math.min(SEAL_POINTS_MAX, width * 0.3, height * 0.3);
  const [x, y] = [centre[0] * width, centre[1] * height];
  const rect = [x - size / 2, y - size / 2, x + size / 2, y + size / 2] as const;
  const appearance = { width: 100, height: 100, paths: [stripe(RED, 0, 50, 100), stripe('#00A0D0', 50, 50, 100)] };
  const box: RelativeBox = [rect[0] / width, rect[1] / height, rect[2] / width, rect[3] / height];
  return { widget: { pageIndex, drawings: [{ rect, appearance }] }, box };
}

/** What other programs hold against the two signatures, and those before. */
export async function signatureFaults(original: Buffer, signed: Buffer, signers: Signers): Promise<string[]> {
  const faults: string[] = [];
  if (!signed.subarray(0, original.length).equals(original)) faults.push('the bytes before are not the same');
  const [before, after] = [await pdfsig(original), await pdfsig(signed)];
  for (const name of NAMES) {
    if (!after.some(({ field, valid }) => field === name && valid)) faults.push(`pdfsig: ${name} is not valid`);
  }
  if (after.find(({ field }) => field === NAMES[1])?.whole !== true)
    faults.push('pdfsig: the last is not of the whole');
  for (const earlier of before.filter(({ valid }) => valid)) {
    const now = after.find(({ field }) => field === earlier.field);
    if (now?.valid !== true) faults.push(`pdfsig: the earlier signature ${earlier.field} is no longer valid`);
  }
  const ours = extractSignatures(signed).slice(-NAMES.length);
  for (const [index, signature] of ours.entries()) {
    const said = await opensslVerify(signature, signers[index]!.rootPem);
    if (!said.includes('CAdES Verification successful')) faults.push(`openssl: ${said}`);
  }
  return faults;
}

/** Sound files stay sound; one that had warnings may have them still. */
function structureFaults({ qpdfStatus }: Facts, path: string): string[] {
  const after = spawnSync('qpdf', ['--check', path], { encoding: 'utf8' });
  if (after.status === 0 || (after.status === 3 && qpdfStatus === 3)) return [];
  return [`qpdf: ${after.stderr.split('\n')[0] ?? ''} (before: ${qpdfStatus})`];
}

/** MuPDF's, of the two last signatures, where it is here. */
function secondOpinion(path: string): string[] {
  const { stdout, error } = spawnSync('mutool', ['sign', '-v', path], { encoding: 'utf8' });
  if (error !== undefined) return [];
  const ours = stdout.split(/^Verifying signature .*$/m).slice(-NAMES.length);
  const isValid = (said: string): boolean => /document is unchanged|signature is valid/.test(said);
  return ours.length === NAMES.length && ours.every(isValid) ? [] : [`MuPDF: ${stdout.replaceAll(/\s+/g, ' ')}`];
}

/** Whether what others say of a file bears a reason out. */
const FITS: Readonly<Record<PdfRefusal, (facts: Facts) => boolean>> = {
  too_large: () => false,
  not_a_pdf: ({ headerAt }) => headerAt === -1,
  header_not_first: ({ headerAt }) => headerAt > 0,
  damaged: ({ qpdfStatus }) => qpdfStatus !== 0,
  too_complex: () => false,
  encrypted: ({ isEncrypted }) => isEncrypted,
  no_pages: ({ pageCount }) => pageCount === 0,
  too_many_pages: ({ pageCount }) => (pageCount ?? 0) > 2000,
  certified: ({ forbidsChanges }) => forbidsChanges,
  xfa_form: ({ hasXfa }) => hasXfa,
  form_undrawn: ({ hasUndrawnForm }) => hasUndrawnForm,
};
