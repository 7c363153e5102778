import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { STARTS_FILE } from '../platform/data-directory.ts';

/** Milliseconds of a start, by part, with `total`. */
export type StartTimings = Readonly<Record<string, number>>;

/** Keeps how long this start took, for `yinxin doctor --timings`: the last cold one and the last warm one. */
export async function recordStart(
  dataDir: string,
  start: { kind: 'cold' | 'warm'; at: Date; timings: StartTimings },
): Promise<void> {
  const file = join(dataDir, STARTS_FILE);
  const known = await readFile(file, 'utf8')
    .then((text) => JSON.parse(text) as Record<string, unknown>)
    .catch(() => ({}));
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, JSON.stringify({ ...known, [start.kind]: { at: start.at, ...start.timings } }, null, 2));
  await rename(draft, file);
}
