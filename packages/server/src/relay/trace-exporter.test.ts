import { expect, test, vi } from 'vitest';
import { createLog } from '../platform/log.ts';
import { createSpanExporter, type Span } from './trace-exporter.ts';

const span = (number: number): Span => ({
  traceId: 'a'.repeat(32),
  spanId: number.toString(16).padStart(16, '0'),
  parentSpanId: null,
  name: 'deliver callback',
  startedAt: new Date(1_000),
  endedAt: new Date(1_012),
  error: null,
  attributes: { 'yinxin.attempt.number': number, 'error.type': null },
});

function exporterOf(post: (body: string) => Promise<void>, limits: { queueMax?: number; batchMax?: number } = {}) {
  const counted = { exported: 0, dropped: 0 };
  const lines: string[] = [];
  const exporter = createSpanExporter({
    post,
    log: createLog({ level: 'warn', write: (line) => void lines.push(line) }),
    serviceName: 'yinxin',
    nodeName: 'node-1',
    onResult: (spans, result) => (counted[result] += spans),
    ...limits,
  });
  return { exporter, counted, lines };
}

const sizeOf = (body: string): number => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans.length;

test('spans go out in batches, one request at a time, the rest when it stops', async () => {
  const sizes: number[] = [];
  let underWay = 0;
  const { exporter, counted } = exporterOf(
    async (body) => {
      expect((underWay += 1)).toBe(1);
      sizes.push(sizeOf(body));
      await Promise.resolve();
      underWay -= 1;
    },
    { batchMax: 3 },
  );
  for (let number = 1; number <= 7; number += 1) exporter.add(span(number));
  await exporter.stop();
  expect(sizes).toEqual([3, 3, 1]);
  expect(counted).toEqual({ exported: 7, dropped: 0 });
});

test('a few spans go out a while after the first', async () => {
  vi.useFakeTimers();
  try {
    const bodies: string[] = [];
    const { exporter } = exporterOf(async (body) => void bodies.push(body));
    exporter.add(span(1));
    exporter.add(span(2));
    expect(bodies).toEqual([]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(bodies.map(sizeOf)).toEqual([2]);
  } finally {
    vi.useRealTimers();
  }
});

test('while the collector hangs the queue stays bounded; what it does not take is dropped, and said once', async () => {
  const { promise: hanging, reject } = Promise.withResolvers<void>();
  const { exporter, counted, lines } = exporterOf(() => hanging, { batchMax: 2, queueMax: 5 });
  for (let number = 1; number <= 20; number += 1) exporter.add(span(number));
  // Two are under way, five wait.
  expect(counted.dropped).toBe(13);
  reject(new Error('away'));
  await exporter.stop();
  expect(counted).toEqual({ exported: 0, dropped: 20 });
  expect(lines).toHaveLength(1);
});
