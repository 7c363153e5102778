import type { Transaction } from '../platform/database/index.ts';
import type { EnqueuedMessage, Relay } from '../relay/index.ts';

/** Enqueues the same event for each receiver, in the caller's transaction; one message is held in memory at a time. */
export async function fanOut(
  relay: Pick<Relay, 'enqueue'>,
  tx: Transaction,
  event: Omit<EnqueuedMessage, 'url' | 'profile'>,
  receivers: readonly { readonly callbackUrl: string; readonly isSignature: boolean }[],
): Promise<void> {
  for (const { callbackUrl, isSignature } of receivers) {
    await relay.enqueue(tx, { ...event, url: callbackUrl, profile: isSignature ? 'etc-relay' : 'etc-notify' });
  }
}
