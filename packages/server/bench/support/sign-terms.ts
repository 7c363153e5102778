import { randomBytes } from 'node:crypto';
import { PDFDocument } from '@cantoo/pdf-lib';
import type { PdfSignature } from '../../src/documents/index.ts';
import { POINTS_PER_MM, COMPANY_SEAL_DIAMETER_MM, roundSeal } from '../../src/seals/round-seal.ts';
import { sealOutlines } from '../../src/seals/seal-font.ts';

const A4 = [595, 842] as const;
const PAGES = 3;

/** A contract of three pages and about so many bytes: text, and an attachment that cannot be compressed, as scans are. */
export async function contractOf(bytes: number): Promise<Buffer> {
  const document = await PDFDocument.create();
  for (let number = 1; number <= PAGES; number += 1) {
    const page = document.addPage([...A4]);
    for (let line = 0; line < 40; line += 1)
      page.drawText(`Clause ${line} of page ${number}`, { x: 60, y: 780 - line * 18 });
  }
  const plain = (await document.save({ useObjectStreams: false })).length;
  if (bytes > plain) await document.attach(randomBytes(bytes - plain), 'annex.bin');
  return Buffer.from(await document.save({ useObjectStreams: false }));
}

/** A company's round seal in the middle of the first page. */
export async function sealSignature(): Promise<PdfSignature> {
  const appearance = roundSeal({ name: '上海甲房地产经纪有限公司' }, await sealOutlines());
  const half = (COMPANY_SEAL_DIAMETER_MM * POINTS_PER_MM) / 2;
  const rect = [300 - half, 400 - half, 300 + half, 400 + half] as const;
  return { fieldName: 'signature-1', widget: { pageIndex: 0, drawings: [{ rect, appearance }] } };
}
