import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testSigner } from '../support/signed-pdf.ts';
import { examine, type Examined, type Signers } from './examine.ts';
import { madeFiles, rewrittenFiles } from './made.ts';
import { bringPackages, foundFiles, type FoundFile } from './packages.ts';

export interface CorpusResult {
  readonly examined: readonly Examined[];
  /** Packages and programs that are not here, so that their files were not examined. */
  readonly missing: readonly string[];
}

interface CorpusOptions {
  /** Whether packages that are not there yet are downloaded. */
  readonly bring: boolean;
  readonly filesAtOnce: number;
  readonly onExamined?: (examined: Examined) => void;
  /** Longer files are left out. */
  readonly bytesMax?: number;
  /** Only files whose name holds this. */
  readonly only?: string;
}

/** Gathers PDFs that we did not write and examines each: see docs/pdf-corpus.md. */
export async function runCorpus(options: CorpusOptions): Promise<CorpusResult> {
  const directory = await mkdtemp(join(tmpdir(), 'yinxin-corpus-'));
  try {
    const missing = options.bring ? await bringPackages() : [];
    const found = await foundFiles();
    const made = await madeFiles(directory);
    const files: FoundFile[] = [...found, ...made.files];
    missing.push(...made.missing);
    const base = made.files[0] ?? found[0];
    if (base) {
      const rewritten = await rewrittenFiles(directory, base);
      files.push(...rewritten.files);
      missing.push(...rewritten.missing);
    }
    const { only = '', bytesMax = Number.POSITIVE_INFINITY } = options;
    const wanted = files.filter(({ name, bytes }) => name.includes(only) && bytes.length <= bytesMax);
    const examined = await examineAll(directory, wanted, options);
    return { examined, missing };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function examineAll(directory: string, files: readonly FoundFile[], options: CorpusOptions): Promise<Examined[]> {
  const signers: Signers = [
    await testSigner('RSA-2048', '上海甲房地产经纪有限公司'),
    await testSigner('P-256', '北京乙置业（集团）有限公司'),
  ];
  const examined: Examined[] = [];
  const queue = files.entries();
  const work = async (): Promise<void> => {
    for (const [index, file] of queue) {
      const one = await examine(directory, file, signers);
      examined[index] = one;
      options.onExamined?.(one);
    }
  };
  await Promise.all(Array.from({ length: options.filesAtOnce }, work));
  return examined;
}
