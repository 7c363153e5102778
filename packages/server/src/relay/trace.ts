import { randomBytes } from 'node:crypto';
import type { Attempt } from './delivery.ts';
import type { LeasedDelivery } from './store.ts';
import type { Span, SpanExporter } from './trace-exporter.ts';

/** One attempt as a span of the trace that its message came with. */
export interface AttemptTrace {
  /** What goes out with the attempt (W3C Trace Context, `traceparent`); null: nothing. */
  readonly traceParent: string | null;
  end(record: Attempt): void;
}

export interface TraceContext {
  /** 32 and 16 lower-case hex digits, neither all zero. */
  readonly traceId: string;
  readonly spanId: string;
  /** Two hex digits; the last bit says that the caller records the trace. */
  readonly flags: string;
}

/** Reads a `traceparent` of version 00; null for anything else. */
export function parseTraceParent(text: string | null): TraceContext | null {
  const parts = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/.exec(text ?? '');
  const [, traceId, spanId, flags] = parts ?? [];
  return traceId === undefined || spanId === undefined || flags === undefined ? null : { traceId, spanId, flags };
}

const SAMPLED = '01';
const NOT_TRACED: AttemptTrace = { traceParent: null, end: () => undefined };

/** Begins the span of each attempt. */
export class Tracer {
  readonly #exporter: SpanExporter | null;

  /** @param exporter null: a trace that came with a message goes on to its destination, and nothing is recorded. */
  constructor(exporter: SpanExporter | null) {
    this.#exporter = exporter;
  }

  /**
   * A message that came without a trace begins one where spans are recorded: its id is the request id, so that every
   * attempt of it is found by that. What its caller does not record is not recorded here.
   */
  begin(delivery: Pick<LeasedDelivery, 'appId' | 'requestId' | 'traceParent'>): AttemptTrace {
    const exporter = this.#exporter;
    const parent = parseTraceParent(delivery.traceParent);
    if (parent === null && exporter === null) return NOT_TRACED;
    const traceId = parent?.traceId ?? delivery.requestId.replaceAll('-', '');
    const flags = parent?.flags ?? SAMPLED;
    const spanId = newSpanId();
    const isSampled = (Number.parseInt(flags, 16) & 1) === 1;
    return {
      traceParent: `00-${traceId}-${spanId}-${flags}`,
      end(record) {
        if (!isSampled) return;
        exporter?.add(attemptSpan(delivery, record, { traceId, spanId, parentSpanId: parent?.spanId ?? null }));
      },
    };
  }
}

function newSpanId(): string {
  for (;;) {
    const id = randomBytes(8).toString('hex');
    if (id !== '0000000000000000') return id;
  }
}

/** The path and query of a URL may hold what only the two ends should know: the host stands for it. */
function attemptSpan(
  { appId, requestId }: Pick<LeasedDelivery, 'appId' | 'requestId'>,
  record: Attempt,
  ids: Pick<Span, 'traceId' | 'spanId' | 'parentSpanId'>,
): Span {
  const url = URL.parse(record.url);
  const port = url === null ? null : Number(url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : url.port);
  return {
    ...ids,
    name: 'deliver callback',
    startedAt: record.startedAt,
    endedAt: new Date(record.startedAt.getTime() + record.durationMs),
    error: record.outcome === 'acknowledged' ? null : (record.reason ?? record.outcome),
    attributes: {
      'http.request.method': 'POST',
      'http.response.status_code': record.status,
      'server.address': url?.hostname ?? null,
      'server.port': port,
      'network.peer.address': record.remoteAddress,
      'error.type': record.reason,
      'yinxin.app_id': appId,
      'yinxin.request_id': requestId,
      'yinxin.attempt.number': record.number,
      'yinxin.attempt.outcome': record.outcome,
    },
  };
}
