import type { Config } from '../platform/config.ts';
import type { Logger } from '../platform/log.ts';
import type { Registry } from '../platform/metrics.ts';
import { createSpanExporter, createSpanMetrics, postToCollector, type SpanExporter } from '../relay/index.ts';

/** Where spans of attempts go; null where the operator named no collector. */
export function createTraces(
  { traces, nodeName }: Pick<Config, 'traces' | 'nodeName'>,
  log: Logger,
  metrics: Registry,
): SpanExporter | null {
  if (traces === null) return null;
  const { url, headers, serviceName } = traces;
  return createSpanExporter({
    post: postToCollector(url, headers),
    log,
    serviceName,
    nodeName,
    onResult: createSpanMetrics(metrics),
  });
}
