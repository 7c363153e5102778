// A file that came with a signature field whose ByteRange ends behind the file, damaged or made to: no later signature of
// the flow ever got its timestamp, or it seemed to have one.
import { afterEach, expect, test } from 'vitest';
import { endOf, readSignatures } from '../../src/documents/index.ts';
import { pdfOf } from '../support/raw-pdf.ts';
import { silentField } from '../support/signing-fixture.ts';
import { PDF_LIMITS, startUpgradeWorld, type UpgradeWorld } from '../support/upgrade-world.ts';

let world: UpgradeWorld;
afterEach(() => world?.fixture.close());

/** A page and a signature field with a value that covers what it likes. */
function contractWith(byteRange: string, subFilter: string): Buffer {
  return pdfOf([
    '<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]/SigFlags 3>>>>',
    '<</Type/Pages/Kids[3 0 R]/Count 1>>',
    '<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Annots[4 0 R]>>',
    '<</Type/Annot/Subtype/Widget/FT/Sig/T(old)/Rect[0 0 0 0]/P 3 0 R/V 5 0 R>>',
    `<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/${subFilter}/ByteRange${byteRange}/Contents<30030101ff>>>`,
  ]);
}

for (const subFilter of ['adbe.pkcs7.detached', 'ETSI.RFC3161']) {
  test(`${subFilter}: signatures get their timestamps all the same, also once the service was down`, async () => {
    world = await startUpgradeWorld('B-T');
    const { fixture } = world;
    const fileUrl = fixture.outside.answer('/false.pdf', contractWith('[0 10 20 9999999]', subFilter));
    const fields = [
      silentField(),
      silentField({ placement: { kind: 'page', positions: [{ page: 1, x: 100, y: 200 }] } }),
    ];
    world.isUp = false;
    const flowId = await fixture.openedFlow({ fileUrl, fields });
    expect(await fixture.state(flowId)).toBe('done');
    expect(await world.levels(flowId)).toEqual(['B-B', 'B-B']);
    world.isUp = true;
    await world.later(3_600_000);
    expect(await world.queue()).toEqual([]);
    expect(await world.levels(flowId)).toEqual(['B-T', 'B-T']);
  });
}

test('a false timestamp that ends behind the first signature and before the second proves neither', async () => {
  world = await startUpgradeWorld('B-T');
  const { fixture } = world;
  const second = silentField({ placement: { kind: 'page', positions: [{ page: 1, x: 100, y: 200 }] } });
  const kindsWith = async (end: number): Promise<{ kinds: string[]; firstEnd: number }> => {
    const range = `[0 10 20 ${String(end - 20).padStart(7, '0')}]`;
    const fileUrl = fixture.outside.answer(`/${end}.pdf`, contractWith(range, 'ETSI.RFC3161'));
    world.isUp = false;
    const flowId = await fixture.openedFlow({ fileUrl, fields: [silentField(), second] });
    world.isUp = true;
    await world.later(3_600_000);
    const found = readSignatures(await fixture.newestFile(flowId), PDF_LIMITS);
    return { kinds: found.map(({ kind }) => kind), firstEnd: endOf(found[0]!) };
  };
  // The first one tells how long files become: so can whoever uploads one.
  const { kinds, firstEnd } = await kindsWith(9_999_999);
  expect(kinds).toEqual(['signature', 'signature', 'timestamp']);
  expect((await kindsWith(firstEnd + 500)).kinds).toEqual(kinds);
});
