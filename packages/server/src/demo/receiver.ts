import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One POST as it arrived, and what it was answered. */
export interface Arrival {
  at: Date;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** Constant over the tries of one message. */
  webhookId: string;
  /** Which try of this message it is, from 1. */
  attempt: number;
  answered: string;
}

export interface Receiver {
  url: string;
  arrivals: Arrival[];
  /** The next arrival, or one that came already, that `wanted` accepts. Throws when none comes in time. */
  waitFor(what: string, wanted: (arrival: Arrival) => boolean, timeoutMs: number): Promise<Arrival>;
  close(): Promise<void>;
}

const ACKNOWLEDGED = JSON.stringify({ code: '000', response_code: '000' });
const BUSY = JSON.stringify({ code: '500', response_code: '500' });

/**
 * A partner's server that is down for the first `failures` tries of every message and acknowledges the next. It also
 * serves the given files, as a partner's file server would.
 */
export async function startReceiver(failures: number, files: ReadonlyMap<string, Buffer>): Promise<Receiver> {
  const arrivals: Arrival[] = [];
  const watchers = new Set<() => void>();
  const closed = new AbortController();
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    const file = files.get(path);
    if (request.method === 'GET' && file !== undefined) {
      response.writeHead(200, { 'content-type': 'application/pdf', 'content-length': file.length }).end(file);
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const webhookId = String(request.headers['webhook-id'] ?? '');
      const attempt = arrivals.filter((arrival) => arrival.webhookId === webhookId).length + 1;
      const up = attempt > failures;
      arrivals.push({
        at: new Date(),
        path,
        headers: request.headers,
        body: Buffer.concat(chunks).toString('utf8'),
        webhookId,
        attempt,
        answered: up ? '200 000' : '500',
      });
      response.writeHead(up ? 200 : 500, { 'content-type': 'application/json' }).end(up ? ACKNOWLEDGED : BUSY);
      for (const wake of watchers) wake();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    arrivals,
    async waitFor(what, wanted, timeoutMs) {
      const { promise, resolve, reject } = Promise.withResolvers<Arrival>();
      const look = (): void => {
        const found = arrivals.find(wanted);
        if (found !== undefined) resolve(found);
      };
      const timer = setTimeout(() => reject(new Error(`${what} did not come within ${timeoutMs / 1000} s`)), timeoutMs);
      watchers.add(look);
      // Nothing comes any more, and a timer that goes on would keep the process for its whole length.
      const giveUp = (): void => reject(new Error(`${what} was not waited for: the receiver closed`));
      closed.signal.addEventListener('abort', giveUp, { once: true });
      look();
      return promise.finally(() => {
        clearTimeout(timer);
        watchers.delete(look);
        closed.signal.removeEventListener('abort', giveUp);
      });
    },
    async close() {
      closed.abort();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
