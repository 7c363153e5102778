import type { Page } from 'playwright-core';

/** Writes three strokes into the open pad, from left to right as its writer sees it. */
export async function writeName(tab: Page): Promise<void> {
  const pad = tab.getByRole('region', { name: /手写区域|Handwriting area/ });
  await pad.waitFor();
  await tab.getByText(/请在框内手写姓名|Write your name/).waitFor();
  const box = await pad.boundingBox();
  if (box === null) throw new Error('the pad is not shown');
  // A pad that is higher than wide lies along the long edge of a phone.
  const isTurned = box.height > box.width;
  for (let stroke = 0; stroke < 3; stroke += 1) {
    const at = (part: number): [number, number] => {
      const across = 0.25 + 0.22 * stroke + 0.16 * part;
      const down = 0.4 + 0.18 * Math.sin(part * 7 + stroke);
      return isTurned
        ? [box.x + box.width * (1 - down), box.y + box.height * across]
        : [box.x + box.width * across, box.y + box.height * down];
    };
    await tab.mouse.move(...at(0));
    await tab.mouse.down();
    for (let step = 1; step <= 12; step += 1) await tab.mouse.move(...at(step / 12));
    await tab.mouse.up();
  }
}
