import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PDFDocument, PDFName, rgb } from '@cantoo/pdf-lib';
import { afterAll, describe, expect, it } from 'vitest';
import { createPageImages, signPdf, type PageImage } from '../../src/documents/index.ts';
import { encodeJpeg } from '../../src/documents/page-images/jpeg.ts';
import { contractPdf } from '../support/contract-pdf.ts';
import { sealAt, testSigner } from '../support/signed-pdf.ts';

/** Red, green and blue of each pixel, as poppler reads the image. */
async function pixelsOf({ contentType, bytes, width, height }: PageImage): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'yinxin-image-'));
  const document = await PDFDocument.create();
  const embedded = contentType === 'image/png' ? document.embedPng(bytes) : document.embedJpg(bytes);
  document.addPage([width, height]).drawImage(await embedded, { x: 0, y: 0, width, height });
  await writeFile(join(folder, 'a.pdf'), await document.save());
  execFileSync('pdftoppm', ['-r', '72', '-singlefile', join(folder, 'a.pdf'), join(folder, 'a')]);
  const ppm = await readFile(join(folder, 'a.ppm'));
  await rm(folder, { recursive: true });
  return ppm.subarray(ppm.length - width * height * 3);
}

const images = createPageImages();
afterAll(() => images.close());

describe('a page as an image', () => {
  it('shows the page upright with its seal, a PNG of the width asked for', async () => {
    const contract = await contractPdf(3);
    const signer = await testSigner('P-256', '甲');
    const pdf = await signPdf({
      pdf: contract,
      fieldName: 's',
      widget: sealAt(1, 300, 200),
      signer,
      signedAt: new Date(),
    });
    const image = await images.render({ pdf, page: 2, widthPixels: 595 });
    expect(image).toMatchObject({ contentType: 'image/png', width: 595, height: 842 });
    const pixels = await pixelsOf(image);
    const colourAt = (x: number, y: number) => [...pixels.subarray(((842 - y) * 595 + x) * 3).subarray(0, 3)];
    expect(colourAt(300, 200)).toEqual([204, 0, 0]);
    expect(colourAt(100, 741)).toEqual([0, 0, 0]);
    expect(colourAt(20, 20)).toEqual([255, 255, 255]);
  });

  it('is drawn turned as it is seen, within the limit of pixels', async () => {
    const document = await PDFDocument.create();
    document.addPage([200, 400]).setRotation({ type: 'degrees', angle: 90 } as never);
    document.addPage([10, 14_000]);
    const pdf = Buffer.from(await document.save());
    expect(await images.render({ pdf, page: 1, widthPixels: 400 })).toMatchObject({ width: 400, height: 200 });
    const long = await images.render({ pdf, page: 2, widthPixels: 2_400 });
    expect(long.width * long.height).toBeLessThanOrEqual(8_000_000);
  });

  it('opens a document once for its pages and draws a page once', async () => {
    const contract = await contractPdf(4);
    let reads = 0;
    const pdf = {
      key: 'a contract',
      read: async () => {
        reads += 1;
        return contract;
      },
    };
    const one = createPageImages({ threadsMax: 1 });
    const drawn = await Promise.all([1, 2, 3, 4, 2].map((page) => one.render({ pdf, page, widthPixels: 300 })));
    expect(reads).toBe(1);
    expect(drawn[4]).toBe(drawn[1]);
    await expect(one.render({ pdf, page: 5, widthPixels: 300 })).rejects.toMatchObject({ code: 'page_missing' });
    await one.close();
  });

  it('a photograph is a JPEG that shows the same', async () => {
    const [width, height] = [203, 120];
    const rgba = new Uint8Array(width * height * 4);
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) rgba.set([x, 255 - x, (y * 2) & 255, 255], (y * width + x) * 4);
    }
    const jpeg = encodeJpeg({ width, height, rgba });
    const pixels = await pixelsOf({ contentType: 'image/jpeg', bytes: jpeg, width, height });
    let worst = 0;
    for (let at = 0; at < width * height; at += 1) {
      for (let channel = 0; channel < 3; channel += 1) {
        worst = Math.max(worst, Math.abs(pixels[at * 3 + channel]! - rgba[at * 4 + channel]!));
      }
    }
    expect(worst).toBeLessThan(24);
    const document = await PDFDocument.create();
    const page = document.addPage([width, height]);
    page.drawImage(await document.embedJpg(jpeg), { x: 0, y: 0, width, height });
    const photograph = await images.render({ pdf: Buffer.from(await document.save()), page: 1, widthPixels: 203 });
    expect(photograph.contentType).toBe('image/jpeg');
  });
});

describe('a hostile document', () => {
  it('that is none, or damaged, is refused and the next one is drawn', async () => {
    const contract = await contractPdf(1);
    for (const pdf of [Buffer.from('no pdf'), contract.subarray(0, contract.length / 2), Buffer.alloc(0)]) {
      await expect(images.render({ pdf, page: 1, widthPixels: 100 })).rejects.toMatchObject({
        code: 'page_unreadable',
      });
    }
    expect((await images.render({ pdf: contract, page: 1, widthPixels: 100 })).width).toBe(100);
  });

  it('that takes for ever ends its thread alone, and is not tried again', async () => {
    const document = await PDFDocument.create();
    const page = document.addPage([500, 500]);
    page.drawRectangle({ x: 0, y: 0, width: 1, height: 1, color: rgb(1, 0, 0) });
    // Forms that each draw the one before ten times over: 10^5 fills of the whole page.
    const { context } = document;
    let inner = context.register(
      context.stream('0 0 500 500 re f\n', { Type: 'XObject', Subtype: 'Form', BBox: [0, 0, 500, 500] }),
    );
    for (let depth = 0; depth < 5; depth += 1) {
      const resources = context.obj({ XObject: context.obj({ F: inner }) });
      const dict = { Type: 'XObject', Subtype: 'Form', BBox: [0, 0, 500, 500], Resources: resources };
      inner = context.register(context.stream('/F Do\n'.repeat(10), dict));
    }
    page.node.setXObject(PDFName.of('F'), inner);
    const content = context.register(context.stream('/F Do\n'));
    page.node.set(PDFName.of('Contents'), content);
    const pdf = Buffer.from(await document.save());

    const hasty = createPageImages({ drawMsMax: 700, threadsMax: 1 });
    const good = await contractPdf(1);
    const [bad, other] = await Promise.allSettled([
      hasty.render({ pdf, page: 1, widthPixels: 2_000 }),
      hasty.render({ pdf: good, page: 1, widthPixels: 100 }),
    ]);
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'page_unreadable' } });
    expect(other).toMatchObject({ status: 'fulfilled', value: { width: 100 } });
    await expect(hasty.render({ pdf, page: 1, widthPixels: 2_000 })).rejects.toMatchObject({ code: 'page_unreadable' });
    await hasty.close();
  });

  it('that wants more memory than there is for it is refused', async () => {
    const small = createPageImages({ memoryBytesMax: 24 * 1024 * 1024, pixelsMax: 64_000_000, widthPixelsMax: 8_000 });
    const pdf = await contractPdf(1);
    await expect(small.render({ pdf, page: 1, widthPixels: 5_000 })).rejects.toMatchObject({ code: 'page_unreadable' });
    expect((await small.render({ pdf, page: 1, widthPixels: 100 })).width).toBe(100);
    await small.close();
  });

  it('a document whose turn was passed over comes next, however many pages of another are asked for', async () => {
    const one = createPageImages({ threadsMax: 1 });
    const [long, short] = [await contractPdf(40), await contractPdf(1)];
    const ended: string[] = [];
    const ask = (name: string, pdf: Buffer, page: number) =>
      one
        .render({ pdf: { key: name, read: () => Promise.resolve(pdf) }, page, widthPixels: 60 })
        .then(() => ended.push(name));
    const first = ask('long', long, 1);
    const others = [ask('short', short, 1), ...Array.from({ length: 39 }, (_, index) => ask('long', long, index + 2))];
    await Promise.all([first, ...others]);
    expect(ended.indexOf('short')).toBeLessThan(12);
    await one.close();
  });

  it('more pages than may wait are refused', async () => {
    const few = createPageImages({ waitingMax: 2, threadsMax: 1 });
    const pdf = await contractPdf(6);
    const asked = [1, 2, 3, 4, 5, 6].map((page) => few.render({ pdf, page, widthPixels: 100 }));
    const codes = (await Promise.allSettled(asked)).flatMap((one) =>
      one.status === 'rejected' ? [one.reason.code] : [],
    );
    expect(codes).toEqual(['page_images_busy', 'page_images_busy', 'page_images_busy']);
    await few.close();
  });
});
