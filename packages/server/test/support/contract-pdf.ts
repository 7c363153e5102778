import { PDFDocument } from '@cantoo/pdf-lib';

const A4 = { width: 595, height: 842 };

/** A PDF of `pageCount` A4 pages, each with a few strokes so that a renderer has something to show. */
export async function contractPdf(pageCount: number): Promise<Buffer> {
  const document = await PDFDocument.create();
  for (let number = 1; number <= pageCount; number += 1) {
    const page = document.addPage([A4.width, A4.height]);
    for (let line = 0; line < 10; line += 1) page.drawRectangle({ x: 72, y: 740 - line * 24, width: 450, height: 2 });
  }
  return Buffer.from(await document.save());
}
