import type { Database } from '../../src/platform/database/index.ts';
import { uuidV7 } from '../../src/platform/ids.ts';
import { insertDeliveries } from '../../src/relay/insert-store.ts';
import { laneOfCallee, laneOfUrl } from '../../src/relay/lane.ts';
import type { NewDelivery } from '../../src/relay/store.ts';
import { ACKNOWLEDGED, startReceiver, type Receiver, type ReceiverAnswer, type Receipt } from './receiver.ts';
import { APP_ID } from './relay-service.ts';

/** A row as a full node writes it: due, and left to a dispatcher. */
export function waitingRow(url: string, at: Date, change: Partial<NewDelivery> = {}): NewDelivery {
  const calleeNo = change.calleeNo ?? null;
  const content = change.content ?? '{"n":1}';
  return {
    appId: APP_ID,
    requestId: uuidV7(at),
    lane: calleeNo === null ? laneOfUrl(APP_ID, url) : laneOfCallee({ appId: APP_ID, calleeNo }),
    state: 'waiting',
    orderingKey: null,
    latestOnly: false,
    profile: 'plain',
    url,
    urlVersion: calleeNo === null ? null : 1,
    calleeAppId: calleeNo === null ? null : APP_ID,
    calleeNo,
    callerNo: null,
    messageType: 'T',
    content,
    contentBytes: content.length,
    attemptsMax: null,
    delaysMs: null,
    traceParent: null,
    leaseOwner: 'nobody',
    dueAt: at,
    reason: null,
    acceptedAt: at,
    occurredAt: null,
    idempotency: null,
    ...change,
  };
}

/** Writes rows that wait; nobody is told. Answers their request ids. */
export async function writeWaiting(db: Database, rows: readonly NewDelivery[]): Promise<string[]> {
  const ROWS_PER_STATEMENT = 1_000;
  for (let from = 0; from < rows.length; from += ROWS_PER_STATEMENT) {
    await insertDeliveries(db, rows.slice(from, from + ROWS_PER_STATEMENT));
  }
  return rows.map((row) => row.requestId);
}

/** What a destination of profile `plain` takes for an acknowledgement. */
export const PLAIN = { profile: 'plain', acknowledge: { kind: 'json', path: 'code', value: '000' } } as const;

export interface CountingReceiver extends Receiver {
  /** The most requests that were under way at once. */
  readonly mostAtOnce: number;
  readonly underWay: number;
}

/** A receiver that counts how many requests it has at once. Each is answered when `answer` resolves. */
export async function startCountingReceiver(
  answer: (receipt: Receipt, nth: number) => Promise<ReceiverAnswer> = lingering,
): Promise<CountingReceiver> {
  const counts = { underWay: 0, mostAtOnce: 0 };
  const receiver = await startReceiver(async (receipt, nth) => {
    counts.underWay += 1;
    counts.mostAtOnce = Math.max(counts.mostAtOnce, counts.underWay);
    const result = await answer(receipt, nth);
    counts.underWay -= 1;
    return result;
  });
  return Object.defineProperties(receiver, {
    mostAtOnce: { get: () => counts.mostAtOnce },
    underWay: { get: () => counts.underWay },
  }) as CountingReceiver;
}

const LINGER_MS = 3;

/** Long enough for others to come meanwhile, if they may. */
async function lingering(): Promise<ReceiverAnswer> {
  await new Promise((resolve) => setTimeout(resolve, LINGER_MS));
  return ACKNOWLEDGED;
}
