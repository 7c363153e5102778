import { sql } from 'kysely';
import { afterAll, expect, test } from 'vitest';
import { uuidV7 } from '../../src/platform/ids.ts';
import { createLog } from '../../src/platform/log.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import { createSpanExporter, createSpanMetrics, postToCollector } from '../../src/relay/index.ts';
import { createTestDatabase } from '../support/database.ts';
import { inState } from '../support/delivery-history.ts';
import { startHttpStub } from '../support/http-stub.ts';
import { ACKNOWLEDGED, startReceiver } from '../support/receiver.ts';
import { APP_ID, eventually, startRelayService } from '../support/relay-service.ts';

const database = await createTestDatabase();
const collector = await startHttpStub();
const tracesUrl = collector.answer('/v1/traces', (response, request) => {
  expect(request.headers['content-type']).toBe('application/json');
  expect(request.headers['x-tenant']).toBe('yinxin');
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"partialSuccess":{}}');
});
const metrics = createMetrics();
const spans = createSpanExporter({
  post: postToCollector(tracesUrl, { 'x-tenant': 'yinxin' }),
  log: createLog({ level: 'silent' }),
  serviceName: 'yinxin',
  nodeName: 'node-1',
  onResult: createSpanMetrics(metrics),
});
const service = await startRelayService({ database, metrics, spans });
const { relay, clock } = service;
let tries = 0;
const destination = await startReceiver(() => ((tries += 1) === 1 ? { status: 503 } : ACKNOWLEDGED));

afterAll(async () => {
  await service.stop();
  await destination.close();
  await collector.close();
  await database.drop();
});

const message = { callback_url: destination.url, app_id: APP_ID, message_type: '', request_message: {} };

test('the trace that comes with a message reaches its destination, each attempt a span of it at the collector', async () => {
  const { request_id: id } = await service.post(message, {
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  });
  await inState(relay, id!, 'waiting');
  clock.advance(10_000);
  await inState(relay, id!, 'delivered');
  await spans.stop();
  const sent = destination.receipts.map((receipt) => String(receipt.headers['traceparent']));
  expect(sent).toEqual(
    [1, 2].map(() => expect.stringMatching(/^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/)),
  );
  expect(sent[0]).not.toBe(sent[1]);
  const exported = collector.received.flatMap((body) => JSON.parse(body).resourceSpans);
  expect(exported[0].resource.attributes).toContainEqual({ key: 'service.name', value: { stringValue: 'yinxin' } });
  const recorded = exported.flatMap((resource) => resource.scopeSpans[0].spans);
  expect(recorded).toMatchObject([
    {
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      spanId: sent[0]!.split('-')[2],
      parentSpanId: '00f067aa0ba902b7',
      kind: 3,
      status: { code: 2, message: 'status_503' },
    },
    { spanId: sent[1]!.split('-')[2], parentSpanId: '00f067aa0ba902b7', kind: 3 },
  ]);
  expect(recorded[1].status).toBeUndefined();
  expect(recorded[0].startTimeUnixNano).toMatch(/^\d{19}$/);
  expect(recorded[1].attributes).toContainEqual({ key: 'yinxin.attempt.number', value: { intValue: '2' } });
});

async function scrape(): Promise<{ readonly text: string; readonly value: (name: string) => number }> {
  const text = await metrics.metrics();
  const value = (name: string): number => {
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
    return Number(line?.split(' ').at(-1));
  };
  return { text, value };
}

test('a scrape tells what was done and what waits, without naming anybody', async () => {
  await service.post(message);
  await service.post({ ...message, callback_url: 'http://10.0.0.1/callback' });
  const acceptedAt = new Date(clock.now().getTime() - 90_000);
  await sql`
    insert into delivery_queue (app_id, request_id, lane, state, attempts, schedule_attempts, lease_token, due_at,
                                content_bytes, accepted_at)
    select ${APP_ID}, id, 'x/y', 'waiting', 1, 1, 1, ${new Date(Date.now() + 86_400_000)}, 1, ${acceptedAt}
    from unnest(${[1, 2, 3].map(() => uuidV7(acceptedAt))}::uuid[]) as id`.execute(database.db);
  await sql`
    insert into relay_lane values ('x/y', 'open', 10, 'status_500', now(), 1, now() + interval '1 day', 'node-1')
  `.execute(database.db);
  const { text, value } = await eventually(async () => {
    const read = await scrape();
    return read.value('yinxin_relay_unwritten_messages') === 0 && read;
  });
  expect(value('yinxin_relay_accepted_total')).toBe(3);
  expect(value('yinxin_relay_delivered_total')).toBe(2);
  expect(value('yinxin_relay_failed_total')).toBe(1);
  expect(value('yinxin_relay_full_total')).toBe(0);
  expect(value('yinxin_relay_queue{state="waiting"}')).toBe(3);
  expect(value('yinxin_relay_queue{state="parked"}')).toBe(0);
  expect(value('yinxin_relay_circuits{state="open"}')).toBe(1);
  expect(value('yinxin_relay_oldest_waiting_seconds')).toBe(90);
  expect(value('yinxin_relay_backlog_read')).toBe(1);
  expect(value('yinxin_relay_spans_total{result="exported"}')).toBeGreaterThanOrEqual(2);
  const seconds = 'yinxin_relay_attempt_seconds_count';
  expect(value(`${seconds}{profile="etc-relay",network="loopback",outcome="unacknowledged"}`)).toBe(1);
  expect(value(`${seconds}{profile="etc-relay",network="loopback",outcome="acknowledged"}`)).toBe(2);
  expect(value('yinxin_relay_settled_rows_count')).toBeGreaterThan(0);
  expect(value('yinxin_relay_claims_total')).toBeGreaterThan(0);
  expect(text).not.toContain(APP_ID);
  expect(text).not.toContain('127.0.0.1');
});
