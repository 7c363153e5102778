/**
 * A node in a process of its own, to be killed while it publishes. It takes the idempotency key of an event by IPC and
 * says how far it came. Arguments: the database's URL, the name of the node, at which delivery to report, and `hold`
 * where it must not go on from there.
 */
import { createEgress } from '../../src/platform/egress/index.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { openDatabase } from '../../src/platform/database/index.ts';
import type { Relay } from '../../src/relay/index.ts';
import { createSubscriptions } from '../../src/subscriptions/index.ts';
import { APP_ID, SHORT_LIMITS, startRelayService } from './relay-service.ts';

/** What the node tells: it is ready, a delivery was written in the transaction, the event is published. */
export type ChildReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'writing' }
  | { readonly kind: 'published'; readonly eventId: string };

const report = (what: ChildReport): void => void process.send?.(what);
const [url = '', nodeName = '', at = '', fault] = process.argv.slice(2);
const { db } = await openDatabase({ url, poolSizeMax: 8, applicationName: nodeName });
const { relay } = await startRelayService({
  database: { db, url },
  clock: systemClock,
  limits: SHORT_LIMITS,
  nodeName,
});
let written = 0;
const counting: Pick<Relay, 'enqueueMany'> = {
  async enqueueMany(tx, messages) {
    const requestIds = await relay.enqueueMany(tx, messages);
    const before = written;
    written += messages.length;
    if (before < Number(at) && Number(at) <= written) {
      report({ kind: 'writing' });
      if (fault === 'hold') await new Promise(() => undefined);
    }
    return requestIds;
  },
};
const subscriptions = createSubscriptions({
  db,
  clock: systemClock,
  egress: createEgress({ allowCidrs: ['127.0.0.0/8'] }),
  relay: counting,
});
const publish = async (idempotencyKey: string): Promise<void> => {
  const event = {
    appId: APP_ID,
    eventKey: 'a.gs.cert.1',
    levels: ['a', 'gs', 'cert', '1'],
    content: '{"n":1}',
  } as const;
  const { eventId } = await subscriptions.publish({ ...event, idempotencyKey });
  report({ kind: 'published', eventId });
};
process.on('message', (idempotencyKey: string) => void publish(idempotencyKey));
report({ kind: 'ready' });
