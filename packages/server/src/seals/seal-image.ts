import type { Appearance } from '../documents/index.ts';
import { appearanceSvg } from './appearance-svg.ts';

/** Sharp at 42 mm on paper (360 dpi) and on a screen of double density. */
export const SEAL_IMAGE_WIDTH_PX = 600;

/** The drawing as a PNG on a transparent ground, 600 pixels wide, rendered on libuv's pool. */
export async function sealPng(appearance: Appearance): Promise<Buffer> {
  const { renderAsync } = await import('@resvg/resvg-js');
  const image = await renderAsync(appearanceSvg(appearance), {
    fitTo: { mode: 'width', value: SEAL_IMAGE_WIDTH_PX },
    font: { loadSystemFonts: false },
    logLevel: 'off',
  });
  return image.asPng();
}
