import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { profileText, readCpuProfile } from './support/cpu-profile.ts';
import type { LatencySummary } from './support/latencies.ts';
import { median } from './support/load.ts';
import type { LoadMessage, LoadOrder, LoadOutcome } from './support/load-terms.ts';
import { progress, readOptions } from './support/options.ts';
import { processorMicros } from './support/processor-time.ts';
import { relayMessage } from './support/relay-messages.ts';
import { statementText } from './support/statement-times.ts';
import { onRelaySite, type RelayNode, type RelaySite } from './support/relay-site.ts';

const ABOUT = `npm run bench -- relay

What storage costs the relay: POST /api/callback with the storage off (bare) and on (durable), in turn: the same HTTP
server, route, egress and signing. Throughput with every connection busy, for HMAC alone (profile plain) and with the RSA
envelope (etc-relay); then latency at a constant rate of half of what durable can do. Wanted: durable ÷ bare at least 0.6
with HMAC alone and 0.8 with the envelope; p99 at most 2 × bare's.`;

type ProfileName = 'plain' | 'etc-relay';

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  readonly profiles: string;
  readonly 'log-level': string;
  readonly 'cpu-prof': string;
  readonly statements: boolean;
  readonly [name: string]: number | string | boolean;
}

const WARM_UP_MS = 3_000;
const LATENCY_CONNECTIONS = 256;
const MODES = ['bare', 'durable'] as const;
type Mode = (typeof MODES)[number];

interface Measured {
  readonly perSecond: number;
  readonly latency: LatencySummary;
  readonly codes: LoadOutcome['codes'];
  /** Microseconds of processor time an answer, by process. */
  readonly cpu: { readonly service: number; readonly postgres: number; readonly load: number; readonly sink: number };
}

export async function run(args: readonly string[]): Promise<void> {
  const options = readOptions<Options>(args, ABOUT, {
    rounds: { default: 7, text: 'rounds of each, in turn' },
    seconds: { default: 5, text: 'length of a round' },
    connections: { default: 64, text: 'connections that are always busy' },
    profiles: { default: 'plain,etc-relay', text: 'delivery profiles, separated by commas' },
    'log-level': { default: 'info', text: 'of both services: info writes a line for each attempt' },
    'cpu-prof': { default: '', text: 'folder for CPU profiles of both services' },
    statements: { default: false, text: 'tell what PostgreSQL spends on each statement' },
  });
  if (options === null) return;
  const folder = options['cpu-prof'];
  const nodeOptions = folder === '' ? [] : ['--cpu-prof', `--cpu-prof-dir=${folder}`];
  const before = new Set(folder === '' ? [] : await readdir(folder).catch(() => []));
  const { statements } = options;
  await onRelaySite({ logLevel: options['log-level'], nodeOptions, statements }, async (site) => {
    const bare = await site.startNode('bare', { bare: true, nodeOptions });
    const [url = ''] = await site.sink.open(1);
    for (const profile of options.profiles.split(',')) {
      if (profile !== 'plain' && profile !== 'etc-relay') throw new Error(`no such profile: ${profile}`);
      await site.setCallee({ calleeNo: profile, url, profile });
      if (statements) await site.statements();
      await compare(site, { bare, durable: site.node }, profile, options);
      if (statements) console.log(statementText(await site.statements()));
    }
  });
  if (folder === '') return;
  // Written in the order in which the services ended: the one started last ends first.
  const written = (await readdir(folder)).filter((file) => file.endsWith('.cpuprofile') && !before.has(file));
  for (const file of written) {
    console.log(`\n${file}\n${profileText(await readCpuProfile(join(folder, file)), { places: 25, functions: 30 })}`);
  }
}

async function compare(
  site: RelaySite,
  nodes: Readonly<Record<Mode, RelayNode>>,
  profile: ProfileName,
  options: Options,
): Promise<void> {
  const messages = [relayMessage({ appId: site.appId, calleeNo: profile, group: 'all' })];
  const busy = { messages, connections: options.connections, milliseconds: options.seconds * 1_000 };
  for (const mode of MODES) await measure(site, nodes[mode], { ...busy, milliseconds: WARM_UP_MS });
  const throughput = await inTurn(options.rounds, (mode, round) => {
    progress(`${profile}: throughput, round ${round + 1} of ${options.rounds}, ${mode}`);
    return measure(site, nodes[mode], busy);
  });
  const durable = median(throughput.durable.map(({ perSecond }) => perSecond));
  const half = { ...busy, connections: LATENCY_CONNECTIONS, requestsPerSecond: durable / 2 };
  const latency = await inTurn(options.rounds, (mode, round) => {
    progress(`${profile}: latency, round ${round + 1} of ${options.rounds}, ${mode}`);
    return measure(site, nodes[mode], half);
  });
  report(profile, options, throughput, latency);
}

/** Each round begins with the other one, so that neither is always first. */
async function inTurn(
  rounds: number,
  measureOne: (mode: Mode, round: number) => Promise<Measured>,
): Promise<Record<Mode, Measured[]>> {
  const measured: Record<Mode, Measured[]> = { bare: [], durable: [] };
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? MODES : MODES.toReversed();
    for (const mode of order) measured[mode].push(await measureOne(mode, round));
  }
  return measured;
}

async function measure(
  site: RelaySite,
  node: RelayNode,
  order: Omit<LoadOrder, 'origins' | 'path' | 'messages'> & { readonly messages: readonly LoadMessage[] },
): Promise<Measured> {
  const spent = async () => ({
    service: await processorMicros(node.pid),
    postgres: await site.postgresMicros(),
    ...(await site.toolsMicros()),
  });
  const before = await spent();
  const outcome = await site.load({ origins: [node.ready.url], path: '/api/callback', ...order });
  const after = await spent();
  const each = (name: keyof Measured['cpu']): number => (after[name] - before[name]) / outcome.answered;
  const latency = outcome.latencies['all'];
  if (latency === undefined) throw new Error('nothing was answered');
  return {
    perSecond: outcome.perSecond,
    latency,
    codes: outcome.codes,
    cpu: { service: each('service'), postgres: each('postgres'), load: each('load'), sink: each('sink') },
  };
}

function report(
  profile: ProfileName,
  options: Options,
  throughput: Record<Mode, Measured[]>,
  latency: Record<Mode, Measured[]>,
): void {
  const { rounds, seconds, connections } = options;
  console.log(`\n${profile}: ${rounds} rounds of ${seconds} s each in turn, medians; ${connections} connections`);
  console.log('          answers/s     p50     p99   processor time an answer, µs: service postgres   load   sink');
  for (const mode of MODES) printRow(mode, throughput[mode]);
  console.log(`at a constant rate of ${Math.round(median(latency.durable.map(({ perSecond }) => perSecond)))}/s`);
  for (const mode of MODES) printRow(mode, latency[mode]);
  const wanted = profile === 'plain' ? '0.6' : '0.8';
  const ratio = (of: Record<Mode, Measured[]>, value: (one: Measured) => number): number =>
    median(of.durable.map((one, round) => value(one) / valueAt(of.bare, round, value)));
  const whole = ({ cpu }: Measured): number => cpu.service + cpu.postgres + cpu.load + cpu.sink;
  console.log(
    `durable ÷ bare: throughput ${ratio(throughput, (one) => one.perSecond).toFixed(2)} (wanted ≥ ${wanted}), ` +
      `p99 at half load ${ratio(latency, (one) => one.latency.p99).toFixed(2)} (wanted ≤ 2)\n` +
      `bare ÷ durable in processor time, which a busy machine moves less: ` +
      `service ${(1 / ratio(throughput, (one) => one.cpu.service)).toFixed(2)}, ` +
      `all processes ${(1 / ratio(throughput, whole)).toFixed(2)}`,
  );
}

function valueAt(of: readonly Measured[], round: number, value: (one: Measured) => number): number {
  const one = of[round];
  return one === undefined ? Number.NaN : value(one);
}

function printRow(mode: Mode, each: readonly Measured[]): void {
  const of = (value: (one: Measured) => number): number => median(each.map(value));
  const codes: Record<string, number> = {};
  for (const one of each) {
    for (const [code, count] of Object.entries(one.codes)) codes[code] = (codes[code] ?? 0) + count;
  }
  const milliseconds = (value: number): string => value.toFixed(1).padStart(8);
  const micros = (name: keyof Measured['cpu'], width: number): string =>
    String(Math.round(of((one) => one.cpu[name]))).padStart(width);
  console.log(
    mode.padEnd(8) +
      of((one) => one.perSecond)
        .toFixed(0)
        .padStart(11) +
      milliseconds(of((one) => one.latency.p50)) +
      milliseconds(of((one) => one.latency.p99)) +
      ' '.repeat(34) +
      micros('service', 7) +
      micros('postgres', 9) +
      micros('load', 7) +
      micros('sink', 7) +
      `   codes ${JSON.stringify(codes)}`,
  );
}
