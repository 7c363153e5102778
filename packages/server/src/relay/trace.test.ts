import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Attempt } from './delivery.ts';
import type { Span } from './trace-exporter.ts';
import { parseTraceParent, Tracer } from './trace.ts';

const INCOMING = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const REQUEST_ID = '01a1ffe3-82cf-7c7b-990f-0ec0c8b40f9a';
const message = (traceParent: string | null) => ({ appId: 'APP', requestId: REQUEST_ID, traceParent });
const RECORD: Attempt = {
  number: 2,
  startedAt: new Date('2026-03-22T10:00:00.123Z'),
  durationMs: 45,
  outcome: 'unacknowledged',
  status: 500,
  reason: 'status_500',
  answer: null,
  url: 'https://partner.example/callback?token=secret',
  remoteAddress: '203.0.113.7',
  tlsFingerprint: null,
  requestSha256: null,
  node: 'node-1',
};

function recorder(): { spans: Span[]; add: (span: Span) => void; stop: () => Promise<void> } {
  const spans: Span[] = [];
  return { spans, add: (span) => void spans.push(span), stop: async () => undefined };
}

test('only a traceparent of version 00 with ids that are not all zero is one', () => {
  expect(parseTraceParent(INCOMING)).toEqual({
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    flags: '01',
  });
  for (const wrong of [
    null,
    '',
    INCOMING.toUpperCase(),
    INCOMING.replace('00-', 'ff-'),
    `${INCOMING}-x`,
    '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
    '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01',
  ]) {
    expect(parseTraceParent(wrong)).toBeNull();
  }
  fc.assert(fc.property(fc.string(), (text) => parseTraceParent(text) === null));
});

test('each attempt goes out with the trace that came and a span id of its own, whether spans are recorded or not', () => {
  for (const exporter of [null, recorder()]) {
    const tracer = new Tracer(exporter);
    const sent = [1, 2, 3].map(() => parseTraceParent(tracer.begin(message(INCOMING)).traceParent)!);
    expect(new Set(sent.map(({ spanId }) => spanId)).size).toBe(3);
    for (const { traceId, spanId, flags } of sent) {
      expect({ traceId, flags }).toEqual({ traceId: '4bf92f3577b34da6a3ce929d0e0e4736', flags: '01' });
      expect(spanId).not.toBe('00f067aa0ba902b7');
    }
  }
});

test('the span tells of the attempt, and of its URL the host alone', () => {
  const exporter = recorder();
  const trace = new Tracer(exporter).begin(message(INCOMING));
  trace.end(RECORD);
  const [span] = exporter.spans;
  expect(span).toEqual({
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: parseTraceParent(trace.traceParent)!.spanId,
    parentSpanId: '00f067aa0ba902b7',
    name: 'deliver callback',
    startedAt: new Date('2026-03-22T10:00:00.123Z'),
    endedAt: new Date('2026-03-22T10:00:00.168Z'),
    error: 'status_500',
    attributes: {
      'http.request.method': 'POST',
      'http.response.status_code': 500,
      'server.address': 'partner.example',
      'server.port': 443,
      'network.peer.address': '203.0.113.7',
      'error.type': 'status_500',
      'yinxin.app_id': 'APP',
      'yinxin.request_id': REQUEST_ID,
      'yinxin.attempt.number': 2,
      'yinxin.attempt.outcome': 'unacknowledged',
    },
  });
  expect(JSON.stringify(span)).not.toContain('secret');
});

test('a message without a trace begins one by its request id where spans are recorded, and none where not', () => {
  const exporter = recorder();
  const trace = new Tracer(exporter).begin(message(null));
  trace.end({ ...RECORD, outcome: 'acknowledged', reason: null });
  expect(trace.traceParent).toMatch(/^00-01a1ffe382cf7c7b990f0ec0c8b40f9a-[0-9a-f]{16}-01$/);
  expect(exporter.spans[0]).toMatchObject({ parentSpanId: null, error: null });
  expect(new Tracer(null).begin(message(null)).traceParent).toBeNull();
});

test('what the caller does not record goes on with its trace and is not recorded here', () => {
  const exporter = recorder();
  const trace = new Tracer(exporter).begin(message(INCOMING.replace(/01$/, '00')));
  trace.end(RECORD);
  expect(trace.traceParent).toMatch(/-00$/);
  expect(exporter.spans).toEqual([]);
});
