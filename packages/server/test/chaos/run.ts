/** `npm run chaos -- --rounds N [--seed S] [--fault NAME] [--ledger FILE] [--signing]`: see docs/chaos.md. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ROUND, runChaos } from './chaos.ts';
import { FAULT_NAMES } from './faults.ts';
import { isFaultName, ledgerLines, roundLines, tableLines } from './report.ts';
import { runSigningChaos } from './signing/run.ts';

const USAGE = `Usage: npm run chaos -- [--rounds N] [--seed S] [--fault NAME]… [--nodes N] [--ledger FILE] [--logs]
       npm run chaos -- --signing [--rounds N] [--seed S]
Faults: ${FAULT_NAMES.join(', ')}`;
const SEED_MAX = 2 ** 32 - 1;

process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (options === null) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  const { rounds, seed, faults, nodes, ledger, logs } = options;
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  print(`seed ${seed}`);
  if (ledger !== undefined) writeFileSync(ledger, '');
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => ending.abort());
  if (options.signing) return (await runSigningChaos({ rounds, seed, signal: ending.signal, print })) ? 0 : 1;
  const results = await runChaos({
    ...ROUND,
    rounds,
    seed,
    nodes,
    ...(faults.length > 0 && { faults }),
    signal: ending.signal,
    onSkipped: (fault, reason) => print(`skip ${fault}: ${reason}`),
    onRound: (result) => {
      for (const line of roundLines(result, rounds)) print(line);
      if (ledger !== undefined)
        appendFileSync(
          ledger,
          ledgerLines(result)
            .map((line) => `${line}\n`)
            .join(''),
        );
      if (logs && result.verdict.violations.length > 0)
        for (const [node, log] of result.logs) print(`${node}:\n${log}`);
    },
  });
  print('');
  for (const line of tableLines(results)) print(line);
  const failed = results.some(({ verdict }) => verdict.violations.length > 0);
  return failed || results.length === 0 ? 1 : 0;
}

/** Null where they are not understood. */
function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string', default: '5' },
        seed: { type: 'string' },
        fault: { type: 'string', multiple: true, default: [] },
        nodes: { type: 'string', default: String(ROUND.nodes) },
        ledger: { type: 'string' },
        logs: { type: 'boolean', default: false },
        signing: { type: 'boolean', default: false },
      },
    });
    const [rounds, nodes] = [wholeNumber(values.rounds, 1, 100_000), wholeNumber(values.nodes, 1, 8)];
    const seed = values.seed === undefined ? Date.now() % SEED_MAX : wholeNumber(values.seed, 0, SEED_MAX);
    const faults = values.fault.filter(isFaultName);
    if (rounds === null || nodes === null || seed === null || faults.length < values.fault.length) return null;
    return { rounds, nodes, seed, faults, ledger: values.ledger, logs: values.logs, signing: values.signing };
  } catch {
    return null;
  }
}

function wholeNumber(text: string, min: number, max: number): number | null {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : null;
}
