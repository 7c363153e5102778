import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDirectoryFileStore, createPdfThreads, signPdfPages, type PdfWork } from '../src/documents/index.ts';
import { testSigner, type TestSigner } from '../test/support/signed-pdf.ts';
import { median } from './support/load.ts';
import { progress, readOptions } from './support/options.ts';
import { startProcess } from './support/process.ts';
import type { MemoryReport } from './support/sign-memory-service.ts';
import { contractOf, sealSignature } from './support/sign-terms.ts';

const ABOUT = `npm run bench -- sign

Signatures a second, RSA-2048 and a company's round seal, of files of 100 KB, 5 MB and 50 MB: on the calling thread, and
on one and two threads of their own. Beside it what nobody can be faster than: hashing the bytes and one operation of the
private key, in a loop on one thread. Ratios are of rounds beside one another. Then the memory of a process that reads,
signs and stores 50 MB again and again. Wanted: 975 a second for each core at 100 KB, memory below 400 MB.`;

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly megabytes: number;
  readonly [name: string]: number;
}

interface Variant {
  readonly name: string;
  /** Signs, or does what it is compared with, once. */
  readonly once: () => Promise<void>;
  readonly atOnce: number;
}

interface Measured {
  readonly perSecond: number;
  /** Microseconds of processor time each, on all threads. */
  readonly cpuMicros: number;
}

const SIZES = [100_000, 5_000_000, 50_000_000];
const WARM_UP_MS = 1_500;
const LIMITS = { bytesMax: 1_000_000_000 };
const MEMORY_TIMES = 24;

export async function run(args: readonly string[]): Promise<void> {
  const options = readOptions<Options>(args, ABOUT, {
    rounds: { default: 7, text: 'rounds of each, in turn' },
    seconds: { default: 2, text: 'length of a round' },
    megabytes: { default: 50, text: 'size of the files whose memory is measured' },
  });
  if (options === null) return;
  const signer = await testSigner('RSA-2048', '上海甲房地产经纪有限公司');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  for (const size of SIZES) await measureSize(size, signer, privateKey, options);
  for (const threads of [1, 2]) await measureMemory(threads, options.megabytes);
}

async function measureSize(size: number, signer: TestSigner, key: KeyObject, options: Options): Promise<void> {
  const pdf = await contractOf(size);
  const works = [createPdfThreads({ threads: 1 }), createPdfThreads({ threads: 2 })] as const;
  const variants = await variantsOf(pdf, signer, key, works);
  const measured = new Map<string, Measured[]>(variants.map(({ name }) => [name, []]));
  for (const variant of variants) await measure(variant, WARM_UP_MS);
  for (let round = 0; round < options.rounds; round += 1) {
    progress(`${size} bytes, round ${round + 1} of ${options.rounds}`);
    for (let index = 0; index < variants.length; index += 1) {
      // Each round begins with another one, so that none is always first.
      const variant = variants[(index + round) % variants.length]!;
      measured.get(variant.name)?.push(await measure(variant, options.seconds * 1_000));
    }
  }
  for (const work of works) await work.close();
  report(pdf.length, measured);
}

async function variantsOf(
  pdf: Buffer,
  signer: TestSigner,
  key: KeyObject,
  works: readonly [PdfWork, PdfWork],
): Promise<Variant[]> {
  const signature = await sealSignature();
  const terms = { signer, signedAt: new Date(), name: '上海甲房地产经纪有限公司', limits: LIMITS };
  const message = Buffer.alloc(128);
  // As from a store: the hash is known, and checked.
  const sha256 = createHash('sha256').update(pdf).digest('hex');
  const onThreads = (work: PdfWork, atOnce: number): Variant['once'] => {
    // Moved to a thread and back: a handful of copies goes round.
    const sources: Buffer[] = Array.from({ length: atOnce }, () => Buffer.from(new Uint8Array(pdf).buffer));
    return async () => {
      const source = sources.pop()!;
      const { pieces } = await work.sign({ ...terms, pdf: source, sha256, place: () => [signature] });
      sources.push(pieces[0]!);
    };
  };
  return [
    {
      name: 'hash and key alone',
      atOnce: 1,
      once: async () => {
        createHash('sha256').update(pdf).digest();
        sign('sha256', message, key);
      },
    },
    {
      name: 'calling thread',
      atOnce: 1,
      once: async () => void (await signPdfPages({ ...terms, pdf, signatures: [signature] })),
    },
    ...works.map((work, index): Variant => {
      const threads = index + 1;
      // One more than there are threads: the next file is ready when a thread is.
      return {
        name: `${threads} thread${threads > 1 ? 's' : ''}`,
        atOnce: threads + 1,
        once: onThreads(work, threads + 1),
      };
    }),
  ];
}

async function measure({ once, atOnce }: Variant, ms: number): Promise<Measured> {
  const begun = performance.now();
  const cpu = process.cpuUsage();
  let count = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() - begun < ms) {
      await once();
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: (count / (performance.now() - begun)) * 1_000, cpuMicros: (user + system) / count };
}

function report(bytes: number, measured: ReadonlyMap<string, readonly Measured[]>): void {
  const [least = []] = measured.values();
  console.log(`${(bytes / 1e6).toFixed(1)} MB`);
  for (const [name, each] of measured) {
    const ratios = each.map(({ perSecond }, round) => perSecond / (least[round]?.perSecond ?? Number.NaN));
    const cpuRatios = each.map(({ cpuMicros }, round) => (least[round]?.cpuMicros ?? Number.NaN) / cpuMicros);
    const rate = median(each.map(({ perSecond }) => perSecond));
    const cpu = median(each.map(({ cpuMicros }) => cpuMicros));
    console.log(
      `  ${name.padEnd(20)} ${rate.toFixed(rate < 100 ? 1 : 0).padStart(6)} /s, ratio ${median(ratios).toFixed(2)}` +
        `   ${cpu.toFixed(0).padStart(7)} µs of processor each, ratio ${median(cpuRatios).toFixed(2)},` +
        ` ${(1e6 / cpu).toFixed(cpu > 1e4 ? 1 : 0)} /s for each core`,
    );
  }
}

/** The process finds its file in the store: what making it took is not held against signing it. */
async function measureMemory(threads: number, megabytes: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'yinxin-bench-sign-'));
  try {
    const key = await createDirectoryFileStore(folder).put(await contractOf(megabytes * 1024 * 1024));
    const script = new URL('support/sign-memory-service.ts', import.meta.url);
    await using service = await startProcess<MemoryReport>(script, [
      folder,
      key,
      String(threads),
      String(MEMORY_TIMES),
    ]);
    const { beforeBytes, mostBytes } = service.ready;
    const megabytesOf = (bytes: number): string => (bytes / 1024 / 1024).toFixed(0);
    console.log(
      `memory at ${megabytes} MB, ${threads} at once: ${megabytesOf(mostBytes)} MB at most, ${megabytesOf(beforeBytes)} MB before`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
