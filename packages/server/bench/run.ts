import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';

/**
 * `npm run bench -- NAME`: runs `NAME.ts` of this folder, which exports `run`. A benchmark prints ratios of things measured
 * in the same minute and asserts nothing: what a machine does in a second is no property of the code.
 */
interface Benchmark {
  run(args: readonly string[]): Promise<void>;
}

const files = await readdir(new URL('.', import.meta.url));
const names = files.filter((file) => file.endsWith('.ts') && file !== 'run.ts').map((file) => basename(file, '.ts'));
const [name = '', ...args] = process.argv.slice(2);
if (names.includes(name)) {
  const benchmark = (await import(new URL(`${name}.ts`, import.meta.url).href)) as Benchmark;
  await benchmark.run(args);
} else {
  process.stderr.write(`Usage: npm run bench -- ${names.toSorted().join('|')}\n`);
  process.exitCode = 1;
}
