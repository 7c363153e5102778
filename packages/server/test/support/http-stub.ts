import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** What a path answers: bytes, or whatever the test does with the response. */
type StubAnswer = Buffer | ((response: ServerResponse, request: IncomingMessage) => void);

export interface HttpStub {
  readonly url: string;
  /** Bodies of the POSTs, in the order in which they came. */
  readonly received: string[];
  /** Requests so far, by path. */
  readonly hits: Map<string, number>;
  answer(path: string, answer: StubAnswer): string;
  close(): Promise<void>;
}

/** An HTTP server of the outside world on a loopback port: unknown paths are 404. */
export async function startHttpStub(): Promise<HttpStub> {
  const answers = new Map<string, StubAnswer>();
  const received: string[] = [];
  const hits = new Map<string, number>();
  const server = createServer((request, response) => {
    void (async () => {
      const path = request.url ?? '/';
      hits.set(path, (hits.get(path) ?? 0) + 1);
      const body = await text(request);
      if (request.method === 'POST') received.push(body);
      const answer = answers.get(path);
      if (answer === undefined) response.writeHead(404).end('no such file');
      else if (Buffer.isBuffer(answer)) response.writeHead(200).end(answer);
      else answer(response, request);
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    received,
    hits,
    answer(path, answer) {
      answers.set(path, answer);
      return `${url}${path}`;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
