/**
 * A relay node in a process of its own, to be killed. It takes messages to accept by IPC and says what came of each.
 * Arguments: the database's URL, the name of the node, and `hold` where attempts must never leave.
 */
import { openDatabase } from '../../src/platform/database/index.ts';
import type { Egress } from '../../src/platform/egress/index.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { APP_ID, SHORT_LIMITS, startRelayService } from './relay-service.ts';

/** What the node tells: it is ready, an attempt begins, a message was accepted. */
export type ChildReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'attempting' }
  | { readonly kind: 'accepted'; readonly requestId: string; readonly outcome: string };

/** What to accept for a registered destination; a text is a URL. */
export interface ChildMessage {
  readonly calleeNo: string;
  readonly content: string;
}

const report = (what: ChildReport): void => void process.send?.(what);
const [url = '', nodeName = '', fault] = process.argv.slice(2);
const database = await openDatabase({ url, poolSizeMax: 8, applicationName: nodeName });
const held = (egress: Egress): Egress => ({
  ...egress,
  request: () => {
    report({ kind: 'attempting' });
    return new Promise(() => undefined);
  },
});
const { relay } = await startRelayService({
  database: { db: database.db, url },
  clock: systemClock,
  limits: SHORT_LIMITS,
  nodeName,
  egress: (egress) => (fault === 'hold' ? held(egress) : egress),
});
const accept = async (given: string | ChildMessage): Promise<void> => {
  const message = { appId: APP_ID, callerNo: null, messageType: 'T' };
  const what =
    typeof given === 'string'
      ? { content: '{"n":1}', destination: { url: given } }
      : { content: given.content, destination: { calleeNo: given.calleeNo }, respondAsync: true };
  const { requestId, outcome } = await relay.accept({ ...message, ...what });
  report({ kind: 'accepted', requestId, outcome });
};
process.on('message', (given: string | ChildMessage) => void accept(given));
report({ kind: 'ready' });
