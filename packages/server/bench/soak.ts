import { progress, readOptions } from './support/options.ts';
import type { LatencySummary } from './support/latencies.ts';
import { residentBytes } from './support/processor-time.ts';
import { relayMessage } from './support/relay-messages.ts';
import { onRelaySite, openCallees } from './support/relay-site.ts';

const ABOUT = `npm run bench -- soak

A million deliveries without a pause: the memory of the service and the latency of its answers, tenth by tenth. Wanted: the
memory at the end at most 100 MB above that after the first tenth, and latency that stays as it is.`;

interface Options {
  readonly deliveries: number;
  readonly connections: number;
  readonly destinations: number;
  readonly profile: string;
  readonly [name: string]: number | string;
}

const STEPS = 10;
const STEP_MS_MAX = 1_200_000;
const MEGABYTE = 1_000_000;

interface Step {
  readonly perSecond: number;
  readonly latency: LatencySummary;
  readonly residentBytes: number;
  readonly codes: Readonly<Record<string, number>>;
}

export async function run(args: readonly string[]): Promise<void> {
  const options = readOptions<Options>(args, ABOUT, {
    deliveries: { default: 1_000_000, text: 'deliveries in all' },
    connections: { default: 32, text: 'connections that are always busy' },
    destinations: { default: 10, text: 'destinations' },
    profile: { default: 'plain', text: 'delivery profile, plain or etc-relay' },
  });
  if (options === null) return;
  const profile = options.profile === 'etc-relay' ? 'etc-relay' : 'plain';
  await onRelaySite({ logLevel: 'info' }, async (site) => {
    const callees = await openCallees(site, options.destinations, profile);
    const messages = callees.map(({ calleeNo }) => relayMessage({ appId: site.appId, calleeNo, group: 'all' }));
    const steps: Step[] = [];
    console.log('\ndeliveries  answers/s     p50     p99     max ms   memory MB   codes');
    for (let step = 1; step <= STEPS; step += 1) {
      progress(`${((step - 1) * options.deliveries) / STEPS} of ${options.deliveries}`);
      const { perSecond, latencies, codes } = await site.load({
        origins: [site.node.ready.url],
        path: '/api/callback',
        messages,
        connections: options.connections,
        milliseconds: STEP_MS_MAX,
        requestsMax: Math.ceil(options.deliveries / STEPS),
      });
      const latency = latencies['all'];
      if (latency === undefined) throw new Error('nothing was answered');
      const done = { perSecond, latency, codes, residentBytes: await residentBytes(site.node.pid) };
      steps.push(done);
      printStep((step * options.deliveries) / STEPS, done);
    }
    report(steps);
  });
}

function printStep(deliveries: number, { perSecond, latency, residentBytes: bytes, codes }: Step): void {
  const milliseconds = (value: number): string => value.toFixed(1).padStart(8);
  console.log(
    String(deliveries).padStart(10) +
      perSecond.toFixed(0).padStart(11) +
      milliseconds(latency.p50) +
      milliseconds(latency.p99) +
      latency.max.toFixed(0).padStart(11) +
      (bytes / MEGABYTE).toFixed(0).padStart(12) +
      `   ${JSON.stringify(codes)}`,
  );
}

function report(steps: readonly Step[]): void {
  const [first, last] = [steps[0], steps.at(-1)];
  if (first === undefined || last === undefined) return;
  const growth = (last.residentBytes - first.residentBytes) / MEGABYTE;
  const ratio = (value: (latency: LatencySummary) => number): string =>
    (value(last.latency) / value(first.latency)).toFixed(2);
  console.log(
    `memory at the end − after the first tenth: ${growth.toFixed(0)} MB (wanted < 100); ` +
      `last tenth ÷ first: p50 ${ratio(({ p50 }) => p50)}, p99 ${ratio(({ p99 }) => p99)}`,
  );
}
