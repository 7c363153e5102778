import { Latencies } from './latencies.ts';
import { LoadConnection } from './load-connection.ts';
import type { LoadMessage, LoadOrder, LoadOutcome } from './load-terms.ts';
import { answerQuestions, untilStopped } from './process.ts';

// The load generator of the relay's benchmarks, in a process of its own.

/** How long answers are waited for when sending has ended. */
const LAST_ANSWERS_MS = 20_000;
/** Of the clock that requests fall due by. */
const TICK_MS = 1;

class Load {
  readonly #order: LoadOrder;
  readonly #requests: readonly { readonly bytes: readonly Buffer[]; readonly group: string }[];
  readonly #connections: readonly LoadConnection[];
  readonly #free: LoadConnection[] = [];
  /** When those fell due that had no connection, the first first. */
  #waiting: number[] = [];
  #waitingAt = 0;
  readonly #codes: Record<string, number> = {};
  readonly #latencies = new Map<string, Latencies>();
  readonly #done = Promise.withResolvers<void>();
  readonly #startedMs = performance.now();
  readonly #endMs: number;
  #sent = 0;
  #answered = 0;
  #answeredInTime = 0;
  #lastInTimeMs = 0;
  #sending = true;

  constructor(order: LoadOrder) {
    this.#order = order;
    this.#endMs = this.#startedMs + order.milliseconds;
    this.#requests = order.messages.map((message) => ({
      bytes: order.origins.map((origin) => requestBytes(origin, order, message)),
      group: message.group,
    }));
    this.#connections = Array.from(
      { length: order.connections },
      (_, index) =>
        new LoadConnection(order.origins, index % order.origins.length, (connection, code) =>
          this.#receive(connection, code),
        ),
    );
  }

  async run(): Promise<LoadOutcome> {
    const { requestsPerSecond } = this.#order;
    if (requestsPerSecond === undefined) {
      for (const connection of this.#connections) this.#next(connection);
    } else {
      this.#free.push(...this.#connections);
      this.#sendAtRate(requestsPerSecond);
    }
    const deadline = setTimeout(() => this.#done.resolve(), this.#order.milliseconds + LAST_ANSWERS_MS);
    await this.#done.promise;
    clearTimeout(deadline);
    for (const connection of this.#connections) {
      connection.underway = null;
      connection.close();
    }
    const seconds = (this.#lastInTimeMs - this.#startedMs) / 1_000;
    return {
      perSecond: this.#answeredInTime / seconds,
      answered: this.#answered,
      codes: this.#codes,
      latencies: Object.fromEntries([...this.#latencies].map(([group, latencies]) => [group, latencies.summary()])),
    };
  }

  /** Sends on a free connection, unless sending is over. */
  #next(connection: LoadConnection): void {
    const nowMs = performance.now();
    if (nowMs >= this.#endMs || this.#sent === this.#order.requestsMax) {
      this.#sending = false;
      this.#endWhenAnswered();
      return;
    }
    this.#send(connection, nowMs);
  }

  #send(connection: LoadConnection, dueMs: number): void {
    const request = this.#requests[this.#sent % this.#requests.length];
    const bytes = request?.bytes[connection.originIndex];
    if (request === undefined || bytes === undefined) throw new Error('no requests to send');
    this.#sent += 1;
    connection.send(bytes, { group: request.group, dueMs });
  }

  /** What falls due within a tick counts from the tick on: the clock's own coarseness is not the service's. */
  #sendAtRate(requestsPerSecond: number): void {
    let due = 0;
    const clock = setInterval(() => {
      const nowMs = performance.now();
      const dueByNow = Math.floor(((Math.min(nowMs, this.#endMs) - this.#startedMs) / 1_000) * requestsPerSecond);
      for (; due < dueByNow; due += 1) {
        const connection = this.#free.pop();
        if (connection === undefined) this.#waiting.push(nowMs);
        else this.#send(connection, nowMs);
      }
      if (nowMs < this.#endMs) return;
      clearInterval(clock);
      this.#sending = false;
      this.#endWhenAnswered();
    }, TICK_MS);
  }

  #receive(connection: LoadConnection, code: string): void {
    const nowMs = performance.now();
    const { underway } = connection;
    connection.underway = null;
    if (underway === null) return;
    this.#answered += 1;
    if (nowMs <= this.#endMs) {
      this.#answeredInTime += 1;
      this.#lastInTimeMs = nowMs;
    }
    this.#codes[code] = (this.#codes[code] ?? 0) + 1;
    const latencies = this.#latencies.get(underway.group) ?? new Latencies();
    this.#latencies.set(underway.group, latencies);
    latencies.add(nowMs - underway.dueMs);
    if (this.#order.requestsPerSecond === undefined) {
      this.#next(connection);
      return;
    }
    const waitingSinceMs = this.#waiting[this.#waitingAt];
    if (waitingSinceMs === undefined) {
      this.#free.push(connection);
      this.#endWhenAnswered();
      return;
    }
    this.#waitingAt += 1;
    if (this.#waitingAt === this.#waiting.length) {
      this.#waiting = [];
      this.#waitingAt = 0;
    }
    this.#send(connection, waitingSinceMs);
  }

  #endWhenAnswered(): void {
    const allAnswered = this.#answered === this.#sent && this.#waiting.length === 0;
    if (!this.#sending && (allAnswered || this.#order.answersAwaited === false)) this.#done.resolve();
  }
}

function requestBytes(origin: string, order: LoadOrder, message: LoadMessage): Buffer {
  const body = Buffer.from(message.body, 'utf8');
  const head = [
    `POST ${order.path} HTTP/1.1`,
    `host: ${new URL(origin).host}`,
    'content-type: application/json',
    `content-length: ${body.length}`,
    ...Object.entries(order.headers ?? {}).map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
}

answerQuestions((order) => new Load(order as LoadOrder).run());
process.send?.({});
await untilStopped();
process.exit(0);
