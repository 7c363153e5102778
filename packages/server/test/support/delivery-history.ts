import { expect } from 'vitest';
import type { Relay } from '../../src/relay/index.ts';
import { ACKNOWLEDGED, startReceiver, type Receiver } from './receiver.ts';
import { APP_ID, eventually } from './relay-service.ts';

/** A destination that refuses each message once with 500 and takes it the second time. */
export function startHesitant(): Promise<Receiver> {
  const seen = new Set<string>();
  return startReceiver((receipt) => {
    if (seen.has(receipt.webhookId)) return ACKNOWLEDGED;
    seen.add(receipt.webhookId);
    return { status: 500, body: 'noch nicht, 稍后再试 "1"' };
  });
}

/** Hands over a message with this content and waits until its attempts are recorded and it is in the state. */
export async function deliver(
  relay: Relay,
  message: { readonly url: string; readonly content: string; readonly appId?: string; readonly messageType?: string },
  state: 'delivered' | 'failed' | 'waiting',
): Promise<string> {
  const { requestId } = await relay.accept({
    appId: message.appId ?? APP_ID,
    destination: { url: message.url },
    callerNo: null,
    messageType: message.messageType ?? 'T',
    content: message.content,
  });
  const shown = await inState(relay, requestId, state);
  expect(shown.attemptList.length).toBeGreaterThan(0);
  return requestId;
}

export function inState(relay: Relay, requestId: string, state: string) {
  return eventually(async () => {
    const delivery = await relay.showDelivery(requestId);
    return delivery?.state === state && delivery;
  });
}
