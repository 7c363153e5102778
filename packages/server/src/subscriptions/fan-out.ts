import type { Transaction } from '../platform/database/index.ts';
import type { EnqueuedMessage, Relay } from '../relay/index.ts';

/** Deliveries that are handed over at once, and the bytes of their contents: what is held in memory does not grow. */
const BATCH_DELIVERIES_MAX = 128;
const BATCH_BYTES_MAX = 1_048_576;

/** Enqueues the same event for each receiver, batch by batch, in the caller's transaction. */
export async function fanOut(
  relay: Pick<Relay, 'enqueueMany'>,
  tx: Transaction,
  event: Omit<EnqueuedMessage, 'url' | 'profile'>,
  receivers: readonly { readonly callbackUrl: string; readonly isSignature: boolean }[],
): Promise<void> {
  const batchLength = batchLengthFor(Buffer.byteLength(event.content, 'utf8'));
  for (let start = 0; start < receivers.length; start += batchLength) {
    const messages: EnqueuedMessage[] = [];
    for (const { callbackUrl, isSignature } of receivers.slice(start, start + batchLength)) {
      messages.push({ ...event, url: callbackUrl, profile: isSignature ? 'etc-relay' : 'etc-notify' });
    }
    await relay.enqueueMany(tx, messages);
  }
}

function batchLengthFor(contentBytes: number): number {
  return Math.max(1, Math.min(BATCH_DELIVERIES_MAX, Math.floor(BATCH_BYTES_MAX / contentBytes)));
}
