import { setTimeout as delay } from 'node:timers/promises';
import { analyzeBacklog, countBacklog, fillBacklog } from './support/backlog-rows.ts';
import { median } from './support/load.ts';
import { progress, readOptions } from './support/options.ts';
import { onRelaySite, openCallees, type BenchCallee, type RelaySite } from './support/relay-site.ts';

const ABOUT = `npm run bench -- backlog

What a long backlog costs: deliveries a second that the dispatcher makes with many waiting and with few, in turn, each on
a database of its own; what is delivered is topped up meanwhile. Once for the backlog of one destination, once for one
spread over many. Wanted: many ÷ few at least 0.8, in throughput and in rows claimed for each millisecond of PostgreSQL.`;

interface Options {
  readonly many: number;
  readonly few: number;
  readonly destinations: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly [name: string]: number;
}

const WARM_UP_DELIVERIES = 3_000;
const POLL_MS = 200;
/** For so many deliveries in a round's beginning: a relay that stands still ends the benchmark. */
const WARM_UP_MS_MAX = 60_000;

interface Side {
  readonly site: RelaySite;
  readonly rows: number;
  readonly callees: readonly BenchCallee[];
}

interface Measured {
  readonly perSecond: number;
  /** Of PostgreSQL's own time in the statements that claim. */
  readonly claimedPerMs: number;
  /** Microseconds of PostgreSQL's processor time a delivery. */
  readonly postgresMicros: number;
}

export async function run(args: readonly string[]): Promise<void> {
  const options = readOptions<Options>(args, ABOUT, {
    many: { default: 1_000_000, text: 'deliveries waiting' },
    few: { default: 10_000, text: 'deliveries waiting on the other side' },
    destinations: { default: 100, text: 'over which the second backlog is spread' },
    rounds: { default: 3, text: 'rounds of each, in turn' },
    seconds: { default: 10, text: 'length of a round' },
  });
  if (options === null) return;
  const settings = { logLevel: 'info', statements: true };
  for (const destinations of [1, options.destinations]) {
    // Each spread begins on databases of its own: nothing of the one is left in the other.
    await onRelaySite(settings, (few) =>
      onRelaySite(settings, (many) => compare({ few, many }, destinations, options)),
    );
  }
}

async function compare(
  sites: { readonly few: RelaySite; readonly many: RelaySite },
  destinations: number,
  options: Options,
): Promise<void> {
  const title = `backlog of ${destinations === 1 ? 'one destination' : `${destinations} destinations`}`;
  const prepare = async (site: RelaySite, rows: number): Promise<Side> => {
    const callees = await openCallees(site, destinations, 'plain');
    await site.node[Symbol.asyncDispose]();
    return { site, rows, callees };
  };
  const sides = { few: await prepare(sites.few, options.few), many: await prepare(sites.many, options.many) };
  const measured: Record<keyof typeof sides, Measured[]> = { few: [], many: [] };
  for (let round = 0; round < options.rounds; round += 1) {
    // Each round begins with the other one, so that neither is always first.
    const order = round % 2 === 0 ? (['few', 'many'] as const) : (['many', 'few'] as const);
    for (const name of order) {
      progress(`${title}: round ${round + 1} of ${options.rounds}, ${sides[name].rows} waiting`);
      measured[name].push(await measure(sides[name], options.seconds));
    }
  }
  report(title, options, measured);
}

async function measure({ site, rows, callees }: Side, seconds: number): Promise<Measured> {
  const { databaseUrl, sink, appId } = site;
  const missing = rows - (await countBacklog(databaseUrl));
  await fillBacklog(databaseUrl, { appId, callees, rows: Math.max(0, missing) });
  await analyzeBacklog(databaseUrl);
  await sink.reset(false);
  await using node = await site.startNode('dispatching');
  void node;
  let toppedUp = 0;
  const topUp = async (): Promise<{ received: number; atMs: number }> => {
    const count = await sink.count();
    const delivered = count.received - toppedUp;
    toppedUp += delivered;
    if (delivered > 0) await fillBacklog(databaseUrl, { appId, callees, rows: delivered });
    return count;
  };
  const patienceEndsMs = performance.now() + WARM_UP_MS_MAX;
  while ((await topUp()).received < WARM_UP_DELIVERIES) {
    if (performance.now() > patienceEndsMs) throw new Error(`no ${WARM_UP_DELIVERIES} deliveries in a minute`);
    await delay(POLL_MS);
  }
  await site.statements();
  const postgresBefore = await site.postgresMicros();
  const first = await topUp();
  let last = first;
  while (last.atMs - first.atMs < seconds * 1_000) {
    await delay(POLL_MS);
    last = await topUp();
  }
  const delivered = last.received - first.received;
  const postgresMicros = ((await site.postgresMicros()) - postgresBefore) / delivered;
  const claims = (await site.statements()).filter(({ text }) => /skip locked/i.test(text) && /delivery/.test(text));
  const claimed = claims.reduce((sum, { rows: count }) => sum + count, 0);
  const claimedPerMs = claimed / claims.reduce((sum, { totalMs }) => sum + totalMs, 0);
  return { perSecond: delivered / ((last.atMs - first.atMs) / 1_000), claimedPerMs, postgresMicros };
}

function report(title: string, options: Options, measured: Readonly<Record<'few' | 'many', Measured[]>>): void {
  console.log(`\n${title}; ${options.rounds} rounds of ${options.seconds} s each in turn, medians`);
  console.log('  waiting  deliveries/s  claimed/ms of PostgreSQL  its processor time a delivery, µs');
  for (const name of ['few', 'many'] as const) {
    const of = (value: (one: Measured) => number): number => median(measured[name].map(value));
    console.log(
      String(options[name]).padStart(9) +
        of((one) => one.perSecond)
          .toFixed(0)
          .padStart(14) +
        of((one) => one.claimedPerMs)
          .toFixed(1)
          .padStart(26) +
        of((one) => one.postgresMicros)
          .toFixed(0)
          .padStart(36),
    );
  }
  const ratio = (value: (one: Measured) => number): string =>
    median(measured.many.map((one, round) => value(one) / valueAt(measured.few, round, value))).toFixed(2);
  console.log(
    `many ÷ few: throughput ${ratio((one) => one.perSecond)}, claims ${ratio((one) => one.claimedPerMs)} (wanted ≥ 0.8)`,
  );
}

function valueAt(of: readonly Measured[], round: number, value: (one: Measured) => number): number {
  const one = of[round];
  return one === undefined ? Number.NaN : value(one);
}
