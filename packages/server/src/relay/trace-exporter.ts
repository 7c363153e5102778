import type { Logger } from '../platform/log.ts';

/** A finished span; its ids as W3C Trace Context has them. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly name: string;
  readonly startedAt: Date;
  readonly endedAt: Date;
  /** Why it failed; null: it did not. */
  readonly error: string | null;
  /** Null values are left out. */
  readonly attributes: Readonly<Record<string, string | number | null>>;
}

export interface SpanExporter {
  /** Never waits and never throws: what finds no room is dropped. */
  add(span: Span): void;
  /** Sends what there is, as far as the collector takes it. */
  stop(): Promise<void>;
}

export interface SpanExporterOptions {
  /** Delivers one request of OTLP/HTTP JSON; rejects where it was not taken. */
  readonly post: (body: string) => Promise<void>;
  readonly log: Logger;
  readonly serviceName: string;
  readonly nodeName: string;
  readonly queueMax?: number;
  readonly batchMax?: number;
  readonly delayMs?: number;
  readonly onResult?: (spans: number, result: 'exported' | 'dropped') => void;
}

const QUEUE_MAX = 4_096;
const BATCH_MAX = 512;
const DELAY_MS = 5_000;
const WARN_EVERY_MS = 60_000;

/**
 * Sends spans in batches, when there are enough or a while after the first. One request is under way at a time; what
 * comes while the queue is full, and a batch that the collector does not take, is dropped and counted.
 */
export function createSpanExporter(options: SpanExporterOptions): SpanExporter {
  const { post, log, queueMax = QUEUE_MAX, batchMax = BATCH_MAX, delayMs = DELAY_MS } = options;
  const onResult = options.onResult ?? (() => undefined);
  let queue: Span[] = [];
  let timer: NodeJS.Timeout | null = null;
  let sending: Promise<void> | null = null;
  let warnedAtMs = Number.NEGATIVE_INFINITY;

  const send = async (batch: readonly Span[]): Promise<void> => {
    try {
      await post(otlpRequest(batch, options));
      onResult(batch.length, 'exported');
    } catch (error) {
      onResult(batch.length, 'dropped');
      if (performance.now() - warnedAtMs < WARN_EVERY_MS) return;
      warnedAtMs = performance.now();
      log.warn({ err: error, spans: batch.length }, 'the collector of traces does not take spans; they are dropped');
    }
  };
  const drain = async (): Promise<void> => {
    while (queue.length > 0) {
      const batch = queue.slice(0, batchMax);
      queue = queue.slice(batchMax);
      await send(batch);
    }
  };
  const flush = (): Promise<void> => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    sending ??= drain().finally(() => (sending = null));
    return sending;
  };
  return {
    add(span) {
      if (queue.length >= queueMax) {
        onResult(1, 'dropped');
        return;
      }
      queue.push(span);
      if (queue.length >= batchMax) void flush();
      else timer ??= setTimeout(() => void flush(), delayMs).unref();
    },
    stop: flush,
  };
}

const CLIENT = 3;
const STATUS_ERROR = 2;

/** A request of OTLP 1.x in JSON: ids in hex, times in nanoseconds as text, enums as numbers. */
function otlpRequest(
  spans: readonly Span[],
  { serviceName, nodeName }: Pick<SpanExporterOptions, 'serviceName' | 'nodeName'>,
): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: attributesOf({ 'service.name': serviceName, 'service.instance.id': nodeName }) },
        scopeSpans: [{ scope: { name: 'yinxin.relay' }, spans: spans.map(otlpSpan) }],
      },
    ],
  });
}

function otlpSpan(span: Span): Record<string, unknown> {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId !== null && { parentSpanId: span.parentSpanId }),
    name: span.name,
    kind: CLIENT,
    startTimeUnixNano: `${span.startedAt.getTime()}000000`,
    endTimeUnixNano: `${span.endedAt.getTime()}000000`,
    attributes: attributesOf(span.attributes),
    ...(span.error !== null && { status: { code: STATUS_ERROR, message: span.error } }),
  };
}

function attributesOf(attributes: Span['attributes']): { key: string; value: Record<string, string> }[] {
  return Object.entries(attributes).flatMap(([key, value]) => {
    if (value === null) return [];
    return [{ key, value: typeof value === 'number' ? { intValue: `${value}` } : { stringValue: value } }];
  });
}

const POST_TIMEOUT_MS = 10_000;

/**
 * Posts to a collector that the operator configured. It is the operator's own, inside the network as a rule: the rules
 * for outgoing requests are for addresses that callers name.
 */
export function postToCollector(
  url: string,
  headers: Readonly<Record<string, string>>,
): (body: string) => Promise<void> {
  return async (body) => {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(POST_TIMEOUT_MS),
    });
    // Read to its end, so that the connection is used again.
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`the collector answered ${answer.status}`);
  };
}
