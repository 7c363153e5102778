/** A PDF with these objects, numbered from 1, and a correct cross-reference table. Object 1 is the catalog. */
export function pdfOf(objects: readonly (string | Buffer)[], trailer = ''): Buffer {
  const chunks = [Buffer.from('%PDF-1.7\n')];
  const offsets: number[] = [];
  const length = () => chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  for (const [index, object] of objects.entries()) {
    offsets.push(length());
    chunks.push(Buffer.from(`${index + 1} 0 obj\n`), Buffer.from(object), Buffer.from('\nendobj\n'));
  }
  const startXref = length();
  const entries = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  const size = objects.length + 1;
  const table = `xref\n0 ${size}\n0000000000 65535 f \n${entries}`;
  chunks.push(Buffer.from(`${table}trailer\n<</Size ${size}/Root 1 0 R${trailer}>>\nstartxref\n${startXref}\n%%EOF\n`));
  return Buffer.concat(chunks);
}

/** A stream object's body. */
export function stream(dictionary: string, bytes: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`<<${dictionary}/Length ${bytes.length}>>\nstream\n`),
    bytes,
    Buffer.from('\nendstream'),
  ]);
}

export const CATALOG = '<</Type/Catalog/Pages 2 0 R>>';
export const PAGES = '<</Type/Pages/Kids[3 0 R]/Count 1>>';
export const PAGE = '<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>';

/** A hybrid file (ISO 32000-1, 7.5.8.4) of one page, the object of which only the cross-reference stream names. */
export function hybridPdf(): Buffer {
  // Object 4 is free in the table and stands in the object stream 5, which only the /XRefStm 6 knows.
  const objectStream = stream('/Type/ObjStm/N 1/First 4', Buffer.from(`4 0 ${PAGE}`));
  const base = pdfOf([CATALOG, '<</Type/Pages/Kids[4 0 R]/Count 1>>', 'null', 'null', objectStream]);
  const row = Buffer.alloc(4);
  row.writeUInt8(2, 0);
  row.writeUInt16BE(5, 1);
  const xrefStream = stream('/Type/XRef/Size 7/Index[4 1]/W[1 2 1]', row);
  const prev = Number(/startxref\n(\d+)/.exec(base.toString('latin1'))?.[1]);
  const streamAt = base.length;
  const appended = Buffer.concat([base, Buffer.from('6 0 obj\n'), xrefStream, Buffer.from('\nendobj\n')]);
  const table = 'xref\n4 1\n0000000000 00000 f \n';
  const trailer = `trailer\n<</Size 7/Root 1 0 R/Prev ${prev}/XRefStm ${streamAt}>>\nstartxref\n${appended.length}\n%%EOF`;
  return Buffer.concat([appended, Buffer.from(table + trailer)]);
}
