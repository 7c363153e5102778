import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** One POST that a receiver got. */
export interface Receipt {
  readonly headers: IncomingHttpHeaders;
  readonly webhookId: string;
  /** The exact bytes. */
  readonly body: Buffer;
  /** The body as JSON. */
  readonly json: Record<string, unknown>;
}

export interface Receiver {
  readonly url: string;
  /** Everything received, in order. */
  readonly receipts: Receipt[];
  /** Resolves when `count` messages have come in all. */
  received(count: number): Promise<void>;
  close(): Promise<void>;
}

export interface ReceiverAnswer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

/** What the relay's contract calls acknowledged. */
export const ACKNOWLEDGED: ReceiverAnswer = { body: '{"code":"000"}' };

/** Decides the answer to the `nth` message (from 1), or writes it itself and returns null. */
export type Behaviour = (
  receipt: Receipt,
  nth: number,
  response: ServerResponse,
) => ReceiverAnswer | null | Promise<ReceiverAnswer | null>;

/** A real HTTP destination on a loopback socket that keeps a ledger of what it got. */
export async function startReceiver(behaviour: Behaviour): Promise<Receiver> {
  const receipts: Receipt[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const receive = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(request);
    const webhookId = String(request.headers['webhook-id']);
    const receipt = { headers: request.headers, webhookId, body, json: JSON.parse(body.toString('utf8')) };
    receipts.push(receipt);
    const nth = receipts.length;
    for (const waiter of waiting) if (waiter.count <= nth) waiter.resolve();
    const answer = await behaviour(receipt, nth, response);
    if (answer === null) return;
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers });
    response.end(answer.body ?? '');
  };
  // A message that was cut off is no receipt.
  const server = createServer((request, response) => void receive(request, response).catch(() => response.destroy()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`,
    receipts,
    received: (count) => {
      if (receipts.length >= count) return Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push({ count, resolve });
      return promise;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
