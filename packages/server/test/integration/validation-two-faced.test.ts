import { beforeAll, describe, expect, test } from 'vitest';
import { pdfOf, stream } from '../support/raw-pdf.ts';
import type { TestSigner } from '../support/signed-pdf.ts';
import { forbidden, handSigned, report, signedContract, startXrefOf } from '../support/tampering.ts';

let signer: TestSigner;
let roots: Buffer[];

beforeAll(async () => {
  ({ signer, roots } = await signedContract());
});

const PAGE = '<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 5 0 R>>>>/Contents 4 0 R>>';
const OTHER_TEXT = words('Price 9');

function words(text: string): Buffer {
  return stream('', Buffer.from(`BT /F 24 Tf 60 700 Td (${text}) Tj ET`));
}

/** One page, its text in object 4, the form in 18; some objects otherwise. */
function contract(others: Readonly<Record<number, string | Buffer>> = {}): Buffer {
  const plain: Readonly<Record<number, string | Buffer>> = {
    1: '<</Type/Catalog/Pages 2 0 R/AcroForm 18 0 R>>',
    2: '<</Type/Pages/Kids[3 0 R]/Count 1>>',
    3: PAGE,
    4: words('Price 1'),
    5: '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>',
    18: '<</Fields[]>>',
  };
  return pdfOf(Array.from({ length: 20 }, (_, index) => others[index + 1] ?? plain[index + 1] ?? 'null'));
}

/** Signed by hand: no other page or resource comes to it. */
async function signedByHand(pdf: Buffer): Promise<Buffer> {
  const signed = await handSigned(pdf, signer, { name: 'x' });
  expect(report(signed, roots).verdict).toBe('valid');
  return signed;
}

/** A save of these rows of a cross-reference table and no more of objects. */
function saved(pdf: Buffer, rows: string, trailer: string): Buffer {
  return Buffer.concat([pdf, Buffer.from(`xref\n${rows}trailer\n${trailer}\nstartxref\n${pdf.length}\n%%EOF\n`)]);
}

const NO_ROWS = '0 1\n0000000000 65535 f \n';

describe('what lay hidden in signed bytes', () => {
  test('a cross-reference from which a later save goes on', async () => {
    const hidden = Buffer.concat([
      Buffer.from('4 0 obj\n'),
      OTHER_TEXT,
      Buffer.from('\nendobj\nxref\n4 1\nAAAAAAAAAA 00000 n \ntrailer\n<</Size 60/Root 1 0 R/Prev BBBBBBBBBB>>\n'),
    ]);
    const prepared = contract({ 6: stream('', hidden) });
    const start = startXrefOf(await signedByHand(prepared));
    const text = prepared.indexOf('4 0 obj\n<<', prepared.indexOf('\n6 0 obj'));
    prepared.write(String(text).padStart(10, '0'), prepared.indexOf('AAAAAAAAAA'));
    prepared.write(String(start).padStart(10, '0'), prepared.indexOf('BBBBBBBBBB'));
    const signed = await signedByHand(prepared);
    expect(startXrefOf(signed)).toBe(start);
    const tampered = saved(signed, NO_ROWS, `<</Size 60/Root 1 0 R/Prev ${signed.indexOf('xref\n4 1')}>>`);
    const found = report(tampered, roots);
    expect([found.verdict, forbidden(found)]).toEqual(['changed', ['history_replaced']]);
  });
});
