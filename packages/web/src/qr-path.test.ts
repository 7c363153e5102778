import * as fc from 'fast-check';
import { create } from 'qrcode';
import { expect, test } from 'vitest';
import { qrPath } from './qr-path.ts';

/** The dark modules that a path of `M x y h w v1 h-w z` covers. */
function covered(path: string): Set<string> {
  const cells = new Set<string>();
  for (const [, x = '', y = '', width = ''] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\3z/g)) {
    for (let step = 0; step < Number(width); step += 1) cells.add(`${Number(x) + step},${y}`);
  }
  return cells;
}

test('the path covers the dark modules and no other', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }), (text) => {
      const { data, size } = create(text, { errorCorrectionLevel: 'M' }).modules;
      const dark = Array.from(data, (isDark, index) => (isDark ? `${index % size},${Math.floor(index / size)}` : ''));
      expect(covered(qrPath(data, size))).toEqual(new Set(dark.filter((cell) => cell !== '')));
    }),
    { numRuns: 30 },
  );
});
