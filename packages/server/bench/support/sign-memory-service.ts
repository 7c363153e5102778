/**
 * Signs stored files in a process of its own, as a job of the service does: read, signed on a thread, stored. Arguments:
 * the folder, the file's key, the threads, how often. Tells how much memory it had before, and at most.
 */
import { testSigner } from '../../test/support/signed-pdf.ts';
import { createDirectoryFileStore, createPdfThreads } from '../../src/documents/index.ts';
import { untilStopped } from './process.ts';
import { contractOf, sealSignature } from './sign-terms.ts';

const SMALL_BYTES = 20_000;
const BYTES_MAX = 1_000_000_000;

export interface MemoryReport {
  readonly beforeBytes: number;
  readonly mostBytes: number;
}

const [folder = '', key = '', threads = '1', times = '1'] = process.argv.slice(2);
const files = createDirectoryFileStore(folder);
const signer = await testSigner('RSA-2048', '上海甲房地产经纪有限公司');
const signature = await sealSignature();
const work = createPdfThreads({ threads: Number(threads) });
const signOne = async (source: string): Promise<void> => {
  const { bytes: pdf, sha256: expected } = await files.getUnchecked(source);
  const terms = { signer, signedAt: new Date(), limits: { bytesMax: BYTES_MAX } };
  const signed = await work.sign({ ...terms, pdf, sha256: expected, place: () => [signature] });
  await files.delete(await files.put(signed.pieces, signed.sha256));
  signed.release();
};
await signOne(await files.put(await contractOf(SMALL_BYTES)));
const beforeBytes = process.memoryUsage.rss();
let left = Number(times);
const signMany = async (): Promise<void> => {
  for (; left > 0; left -= 1) await signOne(key);
};
await Promise.all(Array.from({ length: Number(threads) }, signMany));
process.send?.({ beforeBytes, mostBytes: process.resourceUsage().maxRSS * 1024 } satisfies MemoryReport);
await work.close();
await untilStopped();
