import { setTimeout as delay } from 'node:timers/promises';
import { clearRelay, fillBacklog } from './support/backlog-rows.ts';
import { median } from './support/load.ts';
import type { LoadOutcome } from './support/load-terms.ts';
import { progress, readOptions } from './support/options.ts';
import { relayMessage } from './support/relay-messages.ts';
import { onRelaySite, openCallees, type BenchCallee, type RelaySite } from './support/relay-site.ts';

const ABOUT = `npm run bench -- nodes

Several nodes on one database: messages a second that are accepted and delivered with the load spread over the nodes, and
deliveries a second while the nodes share out a backlog; every webhook-id is counted at the destination. Wanted: none twice,
and throughput that does not fall as nodes are added.`;

interface Options {
  readonly nodes: string;
  readonly destinations: number;
  readonly backlog: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  readonly [name: string]: number | string;
}

/** For each node: what is compared is services that have run for a while. */
const WARM_UP_MS = 8_000;
const POLL_MS = 20;
const DRAIN_MS_MAX = 120_000;

interface Measured {
  readonly acceptedPerSecond: number;
  readonly drainedPerSecond: number;
  /** Deliveries that the destinations received more than once. */
  readonly repeated: number;
  /** Messages that were answered with 000 or filled in, and did not arrive. */
  readonly missing: number;
  readonly codes: LoadOutcome['codes'];
}

export async function run(args: readonly string[]): Promise<void> {
  const options = readOptions<Options>(args, ABOUT, {
    nodes: { default: '1,2,4', text: 'numbers of nodes, the first is what the others are compared with' },
    destinations: { default: 100, text: 'destinations' },
    backlog: { default: 20_000, text: 'deliveries of the backlog' },
    rounds: { default: 3, text: 'rounds of each number, in turn' },
    seconds: { default: 6, text: 'of accepting' },
    connections: { default: 64, text: 'connections that are always busy, over all nodes' },
  });
  if (options === null) return;
  const counts = options.nodes.split(',').map(Number);
  await onRelaySite({ logLevel: 'info' }, async (site) => {
    const callees = await openCallees(site, options.destinations, 'plain');
    await site.node[Symbol.asyncDispose]();
    const measured = new Map(counts.map((count) => [count, [] as Measured[]]));
    for (let round = 0; round < options.rounds; round += 1) {
      for (const count of round % 2 === 0 ? counts : counts.toReversed()) {
        progress(`round ${round + 1} of ${options.rounds}, ${count} ${count === 1 ? 'node' : 'nodes'}`);
        measured.get(count)?.push(await measure(site, callees, count, options));
      }
    }
    report(options, counts, measured);
  });
}

async function measure(
  site: RelaySite,
  callees: readonly BenchCallee[],
  count: number,
  options: Options,
): Promise<Measured> {
  const { sink, appId, databaseUrl } = site;
  await clearRelay(databaseUrl);
  await using nodes = new AsyncDisposableStack();
  const started = await Promise.all(Array.from({ length: count }, (_, index) => site.startNode(`node-${index + 1}`)));
  for (const node of started) nodes.use(node);
  const order = {
    origins: started.map(({ ready }) => ready.url),
    path: '/api/callback',
    messages: callees.map(({ calleeNo }) => relayMessage({ appId, calleeNo, group: 'all' })),
    connections: options.connections,
  };
  await site.load({ ...order, milliseconds: WARM_UP_MS * count });
  await sink.reset(true);
  const accepted = await site.load({ ...order, milliseconds: options.seconds * 1_000 });
  const first = await sink.count();
  const drained = await drain(site, callees, options.backlog);
  const { repeated } = await sink.count();
  return {
    acceptedPerSecond: accepted.perSecond,
    drainedPerSecond: drained.perSecond,
    repeated,
    missing: Math.max(0, (accepted.codes['000'] ?? 0) - first.received) + drained.missing,
    codes: accepted.codes,
  };
}

async function drain(
  { sink, databaseUrl, appId }: RelaySite,
  callees: readonly BenchCallee[],
  rows: number,
): Promise<{ perSecond: number; missing: number }> {
  const before = await sink.count();
  await fillBacklog(databaseUrl, { appId, callees, rows, atOnce: true });
  const begunMs = performance.now();
  for (;;) {
    const { received } = await sink.count();
    const missing = rows - (received - before.received);
    const tookMs = performance.now() - begunMs;
    if (missing <= 0 || tookMs > DRAIN_MS_MAX) return { perSecond: (rows - missing) / (tookMs / 1_000), missing };
    await delay(POLL_MS);
  }
}

function report(options: Options, counts: readonly number[], measured: ReadonlyMap<number, readonly Measured[]>): void {
  const { rounds, seconds, connections, backlog } = options;
  console.log(
    `\n${rounds} rounds of each in turn, medians: ${seconds} s of accepting on ${connections} connections, then a backlog of ${backlog}`,
  );
  console.log('nodes  accepted/s  ratio   from the backlog/s  ratio   twice  missing');
  const alone = measured.get(counts[0] ?? 1) ?? [];
  for (const [count, each] of measured) {
    const of = (value: (one: Measured) => number): number => median(each.map(value));
    const ratio = (value: (one: Measured) => number): string =>
      median(each.map((one, round) => value(one) / valueAt(alone, round, value)))
        .toFixed(2)
        .padStart(7);
    const sum = (value: (one: Measured) => number): number => each.reduce((total, one) => total + value(one), 0);
    console.log(
      String(count).padStart(5) +
        of((one) => one.acceptedPerSecond)
          .toFixed(0)
          .padStart(12) +
        ratio((one) => one.acceptedPerSecond) +
        of((one) => one.drainedPerSecond)
          .toFixed(0)
          .padStart(21) +
        ratio((one) => one.drainedPerSecond) +
        String(sum((one) => one.repeated)).padStart(8) +
        String(sum((one) => one.missing)).padStart(9) +
        `   codes ${JSON.stringify(each.map(({ codes }) => codes))}`,
    );
  }
  console.log('wanted: none twice, none missing, no ratio below 1');
}

function valueAt(of: readonly Measured[], round: number, value: (one: Measured) => number): number {
  const one = of[round];
  return one === undefined ? Number.NaN : value(one);
}
