/** `npm run chaos -- --signing [--rounds N] [--seed S]`: see docs/chaos.md. */
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate, openDatabase, startEmbeddedPostgres } from '../../../src/platform/database/index.ts';
import { runSigningRounds, type SigningRound } from './rounds.ts';
import { CERTAIN_STEPS } from './steps.ts';

interface Options {
  readonly rounds: number;
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly print: (line: string) => void;
}

/** On a PostgreSQL of its own; answers whether all went well. */
export async function runSigningChaos({ print, ...options }: Options): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'yinxin-chaos-signing-'));
  await chmod(folder, 0o755);
  const dataDir = join(folder, 'data');
  await mkdir(dataDir);
  await chmod(dataDir, 0o755);
  const server = await startEmbeddedPostgres({ dataDir });
  try {
    const database = await openDatabase({ url: server.connectionString, poolSizeMax: 1, applicationName: 'chaos' });
    await migrate(database.pool);
    await database.close();
    const rounds = await runSigningRounds({
      ...options,
      databaseUrl: server.connectionString,
      folder,
      onRound: (round) => {
        for (const line of linesOf(round, options.rounds)) print(line);
      },
    });
    print('');
    for (const line of tableOf(rounds)) print(line);
    return rounds.length > 0 && rounds.every(({ faults }) => faults.length === 0);
  } finally {
    await server.destroy();
    await rm(folder, { recursive: true, force: true });
  }
}

function linesOf({ number, kills, flows, signatures, faults }: SigningRound, rounds: number): string[] {
  const told = kills
    .map(({ step, time, wasKilled }) => `${step} ${time}${wasKilled ? '' : ' (not reached)'}`)
    .join(', ');
  const head = `${String(number).padStart(String(rounds).length)}/${rounds} ${faults.length === 0 ? 'ok' : 'FAULT'}`;
  return [
    `${head}  killed at ${told}; ${flows} flows, ${signatures} signatures`,
    ...faults.map((fault) => `    ${fault}`),
  ];
}

function tableOf(rounds: readonly SigningRound[]): string[] {
  const kills = rounds.flatMap((round) => round.kills).filter(({ wasKilled }) => wasKilled);
  const perStep = CERTAIN_STEPS.map((step) => `${step} ${kills.filter((kill) => kill.step === step).length}`);
  const sum = (of: (round: SigningRound) => number): number => rounds.reduce((all, round) => all + of(round), 0);
  return [
    `${rounds.length} rounds, ${kills.length} kills: ${perStep.join(', ')}`,
    `${sum(({ flows }) => flows)} flows, ${sum(({ signatures }) => signatures)} signatures, ${sum(({ faults }) => faults.length)} faults`,
  ];
}
