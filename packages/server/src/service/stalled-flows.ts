import { STALL_FIXES, type Finding } from '../dialects/admin/index.ts';
import { Gauge, type Registry } from '../platform/metrics.ts';
import { STALL_REASONS, type Signing } from '../signing/index.ts';

/** A database that does not answer must not keep whoever scrapes from the other figures. */
const READ_WITHIN_MS = 2_000;
const FRESH_MS = 10_000;

/** `yinxin_sign_flows_stalled{reason}`: read when it is scraped, at most once in ten seconds. */
export function registerStalledFlows(
  metrics: Registry,
  signing: Pick<Signing, 'countStalled'>,
  monotonicMs: () => number,
): void {
  let readAt = -Infinity;
  const gauge = new Gauge({
    name: 'yinxin_sign_flows_stalled',
    help: 'Sign flows that cannot go on until somebody acts, by reason',
    labelNames: ['reason'],
    registers: [metrics],
    async collect() {
      if (monotonicMs() - readAt < FRESH_MS) return;
      readAt = monotonicMs();
      const counts = await within(READ_WITHIN_MS, signing.countStalled()).catch(() => undefined);
      if (counts === undefined) return;
      for (const reason of STALL_REASONS) {
        gauge.set({ reason }, counts.find((count) => count.reason === reason)?.flows ?? 0);
      }
    },
  });
}

async function within<T>(ms: number, reading: Promise<T>): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), ms);
  return Promise.race([reading, promise]).finally(() => clearTimeout(timer));
}

/** Flows that cannot go on, and what to do about it. */
export async function stalledFlowsFinding(signing: Pick<Signing, 'countStalled'>): Promise<Finding> {
  const name = 'sign flows';
  const counts = await signing.countStalled();
  if (counts.length === 0) return { name, ok: true, detail: 'none is held up' };
  const faults = counts.map(({ reason, flows, since }) => {
    const words = `${flows} since ${since.toISOString().slice(0, 16)}Z: ${STALL_FIXES[reason]}`;
    return `${reason}, ${words}`;
  });
  return { name, ok: false, detail: `held up (\`yinxin flow stalled\` names them): ${faults.join('; ')}` };
}
