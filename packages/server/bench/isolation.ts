import { clearRelay } from './support/backlog-rows.ts';
import type { LatencySummary } from './support/latencies.ts';
import { median } from './support/load.ts';
import type { LoadOutcome } from './support/load-terms.ts';
import { progress, readOptions } from './support/options.ts';
import { relayMessage } from './support/relay-messages.ts';
import { onRelaySite, openCallees, type BenchCallee, type RelaySite } from './support/relay-site.ts';

const ABOUT = `npm run bench -- isolation

What destinations that hang or refuse do to the others: POST /api/callback at a constant rate, spread evenly over all
destinations, once with all of them healthy and once with some that hang until the relay's timeout and some that refuse the
connection, in turn. Latency of the answers for those that are healthy in both. Wanted: p99 at most 1.5 × all-healthy.`;

interface Options {
  readonly destinations: number;
  readonly hanging: number;
  readonly refusing: number;
  readonly rate: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly before: number;
  readonly [name: string]: number;
}

const STATES = ['healthy', 'faulty'] as const;
type State = (typeof STATES)[number];
/** One that waits for a hanging destination is busy for 5 s; they are opened as they are needed. */
const CONNECTIONS = 2_000;

interface Measured {
  readonly healthy: LatencySummary;
  readonly codes: LoadOutcome['codes'];
}

export async function run(args: readonly string[]): Promise<void> {
  const options = readOptions<Options>(args, ABOUT, {
    destinations: { default: 100, text: 'destinations in all' },
    hanging: { default: 5, text: 'of them that hang' },
    refusing: { default: 5, text: 'of them that refuse the connection' },
    rate: { default: 300, text: 'messages a second' },
    rounds: { default: 3, text: 'rounds of each, in turn' },
    seconds: { default: 15, text: 'length of a round' },
    before: { default: 20, text: 'seconds of the same load before: hanging attempts pile up' },
  });
  if (options === null) return;
  await onRelaySite({ logLevel: 'info' }, async (site) => {
    const callees = await openCallees(site, options.destinations, 'plain');
    await site.node[Symbol.asyncDispose]();
    const measured: Record<State, Measured[]> = { healthy: [], faulty: [] };
    for (let round = 0; round < options.rounds; round += 1) {
      // Each round begins with the other one, so that neither is always first.
      for (const state of round % 2 === 0 ? STATES : STATES.toReversed()) {
        progress(`round ${round + 1} of ${options.rounds}, ${state === 'healthy' ? 'all healthy' : 'some at fault'}`);
        measured[state].push(await measure(site, callees, state, options));
      }
    }
    report(options, measured);
  });
}

/** On a relay that knows nothing of the round before. */
async function measure(
  site: RelaySite,
  callees: readonly BenchCallee[],
  state: State,
  options: Options,
): Promise<Measured> {
  const { hanging, refusing, rate } = options;
  const places = callees.map((_, place) => place);
  const faulty = new Set(places.slice(0, hanging + refusing));
  await clearRelay(site.databaseUrl);
  await using node = await site.startNode('isolating');
  if (state === 'faulty') {
    await site.sink.behave(places.slice(0, hanging), 'hang');
    await site.sink.behave(places.slice(hanging, hanging + refusing), 'refuse');
  }
  const order = {
    origins: [node.ready.url],
    path: '/api/callback',
    messages: callees.map(({ calleeNo }, place) =>
      relayMessage({ appId: site.appId, calleeNo, group: faulty.has(place) ? 'faulty' : 'healthy' }),
    ),
    connections: CONNECTIONS,
    requestsPerSecond: rate,
  };
  try {
    await site.load({ ...order, milliseconds: options.before * 1_000, answersAwaited: false });
    const outcome = await site.load({ ...order, milliseconds: options.seconds * 1_000 });
    const { healthy } = outcome.latencies;
    if (healthy === undefined) throw new Error('nothing was answered');
    return { healthy, codes: outcome.codes };
  } finally {
    // What hangs is let go, so that the node can end.
    await site.sink.behave([...faulty], 'answer');
  }
}

function report(options: Options, measured: Readonly<Record<State, Measured[]>>): void {
  const { destinations, hanging, refusing, rate, rounds, seconds } = options;
  console.log(
    `\n${destinations} destinations, ${hanging} hang and ${refusing} refuse; ${rate} messages a second; ` +
      `${rounds} rounds of ${seconds} s each in turn, medians; the ${destinations - hanging - refusing} healthy ones:`,
  );
  for (const state of STATES) {
    const of = (value: (one: LatencySummary) => number): string =>
      median(measured[state].map(({ healthy }) => value(healthy)))
        .toFixed(1)
        .padStart(8);
    console.log(
      `${state === 'healthy' ? 'all healthy  ' : 'some at fault'} p50 ${of(({ p50 }) => p50)} ms  ` +
        `p99 ${of(({ p99 }) => p99)} ms  max ${of(({ max }) => max)} ms   codes ${JSON.stringify(measured[state].map(({ codes }) => codes))}`,
    );
  }
  const ratios = measured.faulty.map(
    ({ healthy }, round) => healthy.p99 / (measured.healthy[round]?.healthy.p99 ?? Number.NaN),
  );
  console.log(`some at fault ÷ all healthy: p99 ${median(ratios).toFixed(2)} (wanted ≤ 1.5)`);
}
