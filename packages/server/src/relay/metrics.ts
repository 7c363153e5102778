import { Counter, Histogram, type Registry } from '../platform/metrics.ts';

/** The relay's figures, as the rest of the relay tells of them. */
export interface RelayMetrics {
  accepted(): void;
  attempted(outcome: string, durationMs: number, next: string): void;
}

const ATTEMPT_SECONDS_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15];

/** Registers the relay's metrics. */
export function createRelayMetrics(registry: Registry): RelayMetrics {
  const registers = [registry];
  const accepted = new Counter({
    name: 'yinxin_relay_accepted_total',
    help: 'Messages made durable',
    registers,
  });
  const attempts = new Counter({
    name: 'yinxin_relay_attempts_total',
    help: 'Attempts, by what they came to and what became of the delivery',
    labelNames: ['outcome', 'next'],
    registers,
  });
  const seconds = new Histogram({
    name: 'yinxin_relay_attempt_seconds',
    help: 'Duration of attempts',
    labelNames: ['outcome'],
    buckets: ATTEMPT_SECONDS_BUCKETS,
    registers,
  });
  return {
    accepted: () => accepted.inc(),
    attempted: (outcome, durationMs, next) => {
      attempts.inc({ outcome, next });
      seconds.observe({ outcome }, durationMs / 1_000);
    },
  };
}
