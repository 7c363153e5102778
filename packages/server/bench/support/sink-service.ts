import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { answerQuestions, untilStopped } from './process.ts';
import type { SinkBehaviour, SinkCount, SinkQuestion } from './sink-terms.ts';

// The destinations of the relay's benchmarks, in a process of their own: as cheap as can be, one fixed answer.

const HEAD_END = '\r\n\r\n';
const LENGTH = /content-length: (\d+)/i;
const WEBHOOK_ID = /webhook-id: ([^\r]+)/i;
const BODY = '{"code":"000"}';
const ANSWER = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`;

let received = 0;
let repeated = 0;
let seen: Set<string> | null = null;

class Origin {
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  #behaviour: SinkBehaviour = 'answer';
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async open(): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** What hung before is let go. */
  async behave(behaviour: SinkBehaviour): Promise<void> {
    this.#behaviour = behaviour;
    for (const socket of this.#sockets) socket.destroy();
    if (behaviour === 'refuse') {
      this.#server?.close();
      this.#server = null;
    } else if (this.#server === null) {
      await this.open();
    }
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setEncoding('latin1');
    let arrived = '';
    socket.on('data', (chunk: string) => {
      arrived = arrived === '' ? chunk : arrived + chunk;
      for (;;) {
        const headEnd = arrived.indexOf(HEAD_END);
        if (headEnd < 0) return;
        const head = arrived.slice(0, headEnd);
        const end = headEnd + HEAD_END.length + Number(LENGTH.exec(head)?.[1] ?? 0);
        if (arrived.length < end) return;
        arrived = arrived.slice(end);
        if (this.#behaviour !== 'answer') continue;
        count(head);
        socket.write(ANSWER);
      }
    });
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }
}

function count(head: string): void {
  received += 1;
  if (seen === null) return;
  const id = WEBHOOK_ID.exec(head)?.[1] ?? '';
  if (seen.has(id)) repeated += 1;
  else seen.add(id);
}

const origins: Origin[] = [];

async function open(count: number): Promise<readonly string[]> {
  const opened = Array.from({ length: count }, () => new Origin());
  await Promise.all(opened.map((origin) => origin.open()));
  origins.push(...opened);
  return opened.map(({ url }) => url);
}

async function answer(question: SinkQuestion): Promise<readonly string[] | SinkCount | null> {
  if (question.kind === 'open') return open(question.origins);
  if (question.kind === 'count') return { received, atMs: performance.now(), repeated };
  if (question.kind === 'behave') {
    const named = question.origins.map((index) => origins[index]).filter((origin) => origin !== undefined);
    await Promise.all(named.map((origin) => origin.behave(question.as)));
    return null;
  }
  received = 0;
  repeated = 0;
  seen = question.byId ? new Set() : null;
  return null;
}

answerQuestions((question) => answer(question as SinkQuestion));
process.send?.({});
await untilStopped();
process.exit(0);
