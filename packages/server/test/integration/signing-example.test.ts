import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRedColour, pdfsig, qpdfCheck, render } from '../support/signed-pdf.ts';
import type { Image } from '../support/signed-pdf.ts';
import { silentField, startSigningFixture, type SigningFixture } from '../support/signing-fixture.ts';

const EXAMPLE = new URL('../../../../examples/房屋买卖合同.pdf', import.meta.url);
const PAGES = 5;

/** Points; the company's seal is 42 mm across. */
const RADIUS = (42 / 2 / 25.4) * 72;
const SEAL = { page: 5, x: 424, y: 275 };
const DATE = { page: 5, x: 185, y: 261 };
const CROSS_PAGE_Y = 421;

let fixture: SigningFixture;
let example: Buffer;
let signed: Buffer;

beforeAll(async () => {
  fixture = await startSigningFixture();
  example = await readFile(EXAMPLE);
  const flowId = await fixture.openedFlow({
    fileUrl: fixture.outside.answer('/example.pdf', example),
    fields: [
      silentField({
        placement: { kind: 'page', positions: [SEAL] },
        date: { fontSize: 10.5, format: 'yyyy年MM月dd日', positions: [DATE] },
      }),
      silentField({ placement: { kind: 'cross-page', positions: [{ pages: 'all', y: CROSS_PAGE_Y }] } }),
    ],
  });
  signed = await fixture.newestFile(flowId);
});
afterAll(() => fixture?.close());

/** Every red pixel, by the point at its middle. */
function redPoints(image: Image): { x: number; y: number }[] {
  const points: { x: number; y: number }[] = [];
  for (let y = 0.5; y < image.height; y += 1) {
    for (let x = 0.5; x < image.width; x += 1) if (isRedColour(image.colourAt(x, y))) points.push({ x, y });
  }
  return points;
}

const inSeal = ({ x, y }: { x: number; y: number }) => Math.hypot(x - SEAL.x, y - SEAL.y) <= RADIUS + 1;

describe('the example contract, signed by its own sign fields', () => {
  it('has a valid signature for the seal with its date and one for each page of the cross-page seal', async () => {
    const report = await pdfsig(signed);
    expect(report.map(({ valid, whole }) => [valid, whole])).toEqual([
      ...Array.from({ length: PAGES }, () => [true, false]),
      [true, true],
    ]);
    expect(signed.toString('latin1').match(/\/ByteRange/g)).toHaveLength(report.length);
    expect(signed.subarray(0, example.length).equals(example)).toBe(true);
    expect((await qpdfCheck(signed)).status).toBe(0);
  });

  it('shows the seal where posBean says, its whole circle and its star', async () => {
    const image = await render(signed, SEAL.page);
    const ring = RADIUS - 1.2;
    for (let angle = 0; angle < 2 * Math.PI; angle += Math.PI / 18) {
      const [x, y] = [SEAL.x + ring * Math.cos(angle), SEAL.y + ring * Math.sin(angle)];
      expect(isRedColour(image.colourAt(x, y)), `ring at ${x},${y}`).toBe(true);
    }
    expect(isRedColour(image.colourAt(SEAL.x, SEAL.y))).toBe(true);
  });

  it('shows the date where its posBean says, in black', async () => {
    const [before, after] = [await render(example, DATE.page), await render(signed, DATE.page)];
    const changed: number[] = [];
    for (let x = DATE.x - 50; x <= DATE.x + 50; x += 1) {
      for (let y = DATE.y - 12; y <= DATE.y + 12; y += 1) {
        const [old, now] = [before.colourAt(x, y), after.colourAt(x, y)];
        if (now[0] < 100 && now[0] < old[0]) changed.push(x);
        expect(Math.abs(now[0] - now[1])).toBeLessThan(10);
      }
    }
    // Eleven characters, three of them ideographs: centred on the point.
    expect(changed.length).toBeGreaterThan(100);
    expect(Math.abs((Math.min(...changed) + Math.max(...changed)) / 2 - DATE.x)).toBeLessThanOrEqual(2);
  });

  it('shows a slice at the right edge of each page, and red nowhere else', async () => {
    const sliceWidth = (2 * RADIUS) / PAGES;
    for (let page = 1; page <= PAGES; page += 1) {
      const image = await render(signed, page);
      expect(redPoints(await render(example, page))).toEqual([]);
      const red = redPoints(image);
      const slice = red.filter(({ x, y }) => x >= 594 - sliceWidth && Math.abs(y - CROSS_PAGE_Y) <= RADIUS + 1);
      const others = red.filter((point) => !slice.includes(point));
      expect(others.filter((point) => page !== SEAL.page || !inSeal(point))).toEqual([]);
      expect(others.length > 0).toBe(page === SEAL.page);
      // The last column of pixels that the page fills: the slice is flush with the edge.
      expect(Math.max(...slice.map(({ x }) => x))).toBeGreaterThanOrEqual(593.5);
      if (page > 1) expect(Math.min(...slice.map(({ x }) => x))).toBeLessThan(594.96 - sliceWidth + 2);
    }
  });
});
