import { systemClock } from '../../src/platform/clock.ts';
import type { CalleeChange, Delivery } from '../../src/relay/index.ts';
import type { TestDatabase } from './database.ts';
import { startReceiver, type Receipt, type Receiver, type ReceiverAnswer } from './receiver.ts';
import { PLAIN } from './relay-backlog.ts';
import { APP_ID, eventually, startRelayService, type RelayService } from './relay-service.ts';

export interface KeyedReceiver extends Receiver {
  /** What `n` of a key was received, in order, repeats included. */
  readonly ofKey: (key: string) => number[];
  /** The most that one key had under way at once. */
  readonly most: { ofOneKey: number };
}

type Answer = (message: { key: string; n: number; nth: number }) => ReceiverAnswer | Promise<ReceiverAnswer>;

const keyOf = ({ json }: Receipt): string => String(json['key']);

export const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** Nodes, and destinations whose messages have the keys `key`, over one database; `close` ends them. */
export function orderedDestinations(database: TestDatabase) {
  const closing: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const end of closing.splice(0).toReversed()) await end();
  };

  async function node(nodeName: string): Promise<RelayService> {
    const started = await startRelayService({ database, clock: systemClock, nodeName });
    closing.push(started.stop);
    return started;
  }

  async function receiver(answer: Answer): Promise<KeyedReceiver> {
    const underWay = new Map<string, number>();
    const most = { ofOneKey: 0 };
    const count = (key: string, by: number): void => {
      const ofKey = (underWay.get(key) ?? 0) + by;
      underWay.set(key, ofKey);
      most.ofOneKey = Math.max(most.ofOneKey, ofKey);
    };
    const started = await startReceiver(async (receipt, nth) => {
      const key = keyOf(receipt);
      count(key, 1);
      const result = await answer({ key, n: Number(receipt.json['n']), nth });
      count(key, -1);
      return result;
    });
    closing.push(started.close);
    const ofKey = (key: string) =>
      started.receipts.filter((receipt) => keyOf(receipt) === key).map(({ json }) => Number(json['n']));
    return Object.assign(started, { ofKey, most });
  }

  let callees = 0;
  async function callee(by: RelayService, change: Partial<CalleeChange>): Promise<string> {
    callees += 1;
    const calleeNo = `ordered-${callees}`;
    await by.relay.setCallee({
      appId: APP_ID,
      calleeNo,
      actor: 'operator',
      ...PLAIN,
      circuit: 'off',
      orderingKeyPath: 'key',
      delaysMs: Array.from({ length: 10 }, () => 20),
      ...change,
    });
    return calleeNo;
  }

  const send = async (by: RelayService, calleeNo: string, key: string, n: number): Promise<string> => {
    const message = { appId: APP_ID, callerNo: null, messageType: 'T', content: `{"key":"${key}","n":${n}}` };
    const header = (name: string): string | undefined => (name === 'x-flow' ? key : undefined);
    return (await by.relay.accept({ ...message, destination: { calleeNo }, header, respondAsync: true })).requestId;
  };

  const state = async (by: RelayService, id: string): Promise<Delivery['state'] | undefined> =>
    (await by.relay.showDelivery(id))?.state;

  const inState = (by: RelayService, id: string, wanted: Delivery['state']): Promise<Delivery> =>
    eventually(async () => {
      const delivery = await by.relay.showDelivery(id);
      return delivery?.state === wanted && delivery;
    });

  const drained = (): Promise<boolean> =>
    eventually(async () => (await database.pool.query('select from delivery_queue')).rows.length === 0);

  return { node, receiver, callee, send, state, inState, drained, close };
}
