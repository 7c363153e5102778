import { parseAddress } from '../platform/cidr.ts';
import { Counter, Gauge, Histogram, type Registry } from '../platform/metrics.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { Backlog, BacklogReading } from './backlog.ts';
import type { Attempt } from './delivery.ts';
import type { ProfileName } from './profiles.ts';

export interface RelayMetrics {
  accepted(): void;
  /** Accepted, and failed at once: its destination is forbidden or switched off. */
  refused(): void;
  attempted(profile: ProfileName, record: Attempt, next: string): void;
  claimed(rows: number): void;
  settled(rows: number): void;
  /** A message was turned away: `relay_full`. */
  full(): void;
}

/** What is looked up when somebody scrapes. */
export interface MetricSources {
  backlog(): Promise<BacklogReading>;
  unwritten(): { readonly messages: number; readonly bytes: number };
  now(): Date;
}

const ATTEMPT_SECONDS_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15];
/** Addresses whose class is kept. */
const NETWORKS_KEPT = 1_024;
const ROWS_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** Where a destination is, so far as metrics tell: never its name. */
export function networkOf(remoteAddress: string | null): 'none' | 'loopback' | 'private' | 'public' {
  const range = remoteAddress === null ? undefined : parseAddress(remoteAddress)?.range();
  if (range === undefined) return 'none';
  if (range === 'loopback') return 'loopback';
  return range === 'unicast' ? 'public' : 'private';
}

/** Registers the relay's metrics. Their labels are of bounded sets: no application, no destination, no URL. */
export function createRelayMetrics(registry: Registry, sources: MetricSources): RelayMetrics {
  const registers = [registry];
  const counter = (name: string, help: string): Counter =>
    new Counter({ name: `yinxin_relay_${name}_total`, help, registers });
  const accepted = counter('accepted', 'Messages made durable');
  const delivered = counter('delivered', 'Deliveries that their destinations acknowledged');
  const failed = counter('failed', 'Deliveries that failed for good, at acceptance or at an attempt');
  const full = counter('full', 'Messages turned away because the node was full');
  const claims = counter('claims', 'Claims that found something due');
  const claimed = counter('claimed', 'Deliveries claimed');
  const attempts = new Counter({
    name: 'yinxin_relay_attempts_total',
    help: 'Attempts, by what they came to and what became of the delivery',
    labelNames: ['outcome', 'next'],
    registers,
  });
  const seconds = new Histogram({
    name: 'yinxin_relay_attempt_seconds',
    help: 'Duration of attempts, by the class of destination',
    labelNames: ['profile', 'network', 'outcome'],
    buckets: ATTEMPT_SECONDS_BUCKETS,
    registers,
  });
  const settledRows = new Histogram({
    name: 'yinxin_relay_settled_rows',
    help: 'Attempts recorded by one commit',
    buckets: ROWS_BUCKETS,
    registers,
  });
  registerBacklog(registry, sources);
  const networks = new BoundedCache<ReturnType<typeof networkOf>>(NETWORKS_KEPT);
  return {
    accepted: () => accepted.inc(),
    refused: () => failed.inc(),
    attempted(profile, record, next) {
      const { outcome } = record;
      attempts.inc({ outcome, next });
      const { remoteAddress } = record;
      const network = remoteAddress === null ? 'none' : networks.get(remoteAddress, () => networkOf(remoteAddress));
      seconds.observe({ profile, network, outcome }, record.durationMs / 1_000);
      if (next === 'delivered') delivered.inc();
      if (next === 'failed') failed.inc();
    },
    claimed(rows) {
      claims.inc();
      claimed.inc(rows);
    },
    settled: (rows) => settledRows.observe(rows),
    full: () => full.inc(),
  };
}

/** Registers the count of exported and dropped spans, and answers what counts them. */
export function createSpanMetrics(registry: Registry): (spans: number, result: 'exported' | 'dropped') => void {
  const spans = new Counter({
    name: 'yinxin_relay_spans_total',
    help: 'Spans of attempts, exported or dropped',
    labelNames: ['result'],
    registers: [registry],
  });
  return (count, result) => spans.inc({ result }, count);
}

/** Gauges that are read from the database when they are scraped; the reading is shared, and kept for a while. */
function registerBacklog(registry: Registry, sources: MetricSources): void {
  const registers = [registry];
  const gauge = (name: string, help: string, value: () => number | Promise<number>): Gauge =>
    new Gauge({
      name: `yinxin_relay_${name}`,
      help,
      registers,
      async collect() {
        this.set(await value());
      },
    });
  const labelled = (name: string, help: string, values: (backlog: Backlog) => Record<string, number>): Gauge =>
    new Gauge({
      name: `yinxin_relay_${name}`,
      help,
      labelNames: ['state'],
      registers,
      async collect() {
        const { backlog } = await sources.backlog();
        if (backlog === null) return;
        for (const [state, value] of Object.entries(values(backlog))) this.set({ state }, value);
      },
    });
  labelled('queue', 'Deliveries under way, by state', ({ leased, waiting, queued, parked }) => ({
    leased,
    waiting,
    queued,
    parked,
  }));
  labelled('circuits', 'Destinations whose circuit is not closed', ({ circuitsOpen, circuitsHalfOpen }) => ({
    open: circuitsOpen,
    half_open: circuitsHalfOpen,
  }));
  gauge('oldest_waiting_seconds', 'Age of the oldest delivery under way that no operator parked', async () => {
    const { backlog } = await sources.backlog();
    const oldest = backlog?.oldestAcceptedAt ?? null;
    return oldest === null ? 0 : Math.max(0, (sources.now().getTime() - oldest.getTime()) / 1_000);
  });
  gauge('backlog_read', '1 where the queue could be read for these figures, 0 where they are old', async () =>
    (await sources.backlog()).isFresh ? 1 : 0,
  );
  gauge('unwritten_messages', 'Messages on their way into the database', () => sources.unwritten().messages);
  gauge('unwritten_bytes', 'Bytes of the messages on their way into the database', () => sources.unwritten().bytes);
}
