import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from './support/load.ts';
import { openBankSite, type BankSite } from './support/bank-site.ts';

const ROUNDS = 7;
const LINES = 2_000;
const OPEN_FLOWS = 2_000;
const TIMES = 10;

/**
 * Lines a second of a camt.054 that are imported, with a payment in each that is matched to a flow; the same with ten
 * times as many open flows; and lines that are known already.
 */
export async function run(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'yinxin-bench-'));
  // Passable for the database's unprivileged user, should root run this.
  await chmod(folder, 0o711);
  try {
    await using few = await openBankSite(join(folder, 'few'), OPEN_FLOWS);
    await using many = await openBankSite(join(folder, 'many'), OPEN_FLOWS * TIMES);
    await compare(few, many);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function compare(few: BankSite, many: BankSite): Promise<void> {
  for (const site of [few, many]) await site.measure(LINES);
  const measured: { few: number; many: number; again: number; parsing: number; cpuFew: number; cpuMany: number }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    // Each round begins with the other one, so that neither is always first.
    const order = round % 2 === 0 ? [few, many] : [many, few];
    const results = new Map<BankSite, Awaited<ReturnType<BankSite['measure']>>>();
    for (const site of order) results.set(site, await site.measure(LINES));
    const [one, ten] = [results.get(few), results.get(many)];
    if (one === undefined || ten === undefined) throw new Error('a round is not whole');
    measured.push({
      few: one.matchedMicros,
      many: ten.matchedMicros,
      again: one.knownMicros,
      parsing: one.parsedMicros,
      cpuFew: one.cpuMicros,
      cpuMany: ten.cpuMicros,
    });
  }
  const of = (value: (one: (typeof measured)[number]) => number): number => median(measured.map(value));
  const row = (name: string, micros: number, rest = ''): void =>
    console.log(`${name.padEnd(44)}${String(Math.round(1e6 / micros)).padStart(8)} lines/s${rest}`);
  console.log(
    `${LINES} lines a round, ${ROUNDS} rounds in turn, medians; ${OPEN_FLOWS} and ${OPEN_FLOWS * TIMES} open flows`,
  );
  row(
    'read alone',
    of((one) => one.parsing),
  );
  row(
    'imported and matched',
    of((one) => one.few),
  );
  row(
    `the same with ${TIMES} × the open flows`,
    of((one) => one.many),
  );
  row(
    'known already',
    of((one) => one.again),
  );
  const growth = of((one) => one.many / one.few).toFixed(2);
  const cpuGrowth = of((one) => one.cpuMany / one.cpuFew).toFixed(2);
  console.log(
    `cost of a line with ${TIMES} × the open flows: ${growth} × (wanted < 1.3), processor time ${cpuGrowth} ×`,
  );
}
