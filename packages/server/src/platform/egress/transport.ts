import { Client, Pool, type Dispatcher } from 'undici';
import type { Connect } from './connector.ts';
import { EgressError, type EgressAnswer } from './egress.ts';
import { Exchange, type Connection, type ExchangeOptions, type ExchangeOwner } from './exchange.ts';

export interface TransportLimits {
  /** Origins whose connections are kept. One with requests under way is never closed to make room. */
  readonly originsMax: number;
  readonly connectionsPerOriginMax: number;
  /** Requests that wait for one of those connections at most; more fail at once. */
  readonly waitingPerOriginMax: number;
  readonly responseHeaderBytesMax: number;
  /** How long an unused connection is kept where the peer names no time of its own. */
  readonly keepAliveMs: number;
  /** A connection that is never unused is replaced after this time, so that a change of DNS arrives. */
  readonly connectionLifeMs: number;
}

const KEEP_ALIVE_BY_PEER_MS_MAX = 60_000;

/** The connections to the origins that were lately asked for. */
export class Transport {
  readonly #connect: Connect;
  readonly #limits: TransportLimits;
  /** In the order of their last use, the oldest first. */
  readonly #origins = new Map<string, Origin>();

  constructor(connect: Connect, limits: TransportLimits) {
    this.#connect = connect;
    this.#limits = limits;
  }

  originOf(url: URL): Origin {
    const name = url.origin;
    const known = this.#origins.get(name);
    const origin = known ?? new Origin(name, this.#connect, this.#limits);
    if (known === undefined) this.#makeRoom();
    else this.#origins.delete(name);
    this.#origins.set(name, origin);
    return origin;
  }

  get originCount(): number {
    return this.#origins.size;
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#origins.values()].map((origin) => origin.destroy()));
    this.#origins.clear();
  }

  #makeRoom(): void {
    if (this.#origins.size < this.#limits.originsMax) return;
    for (const [name, origin] of this.#origins) {
      if (origin.busy) continue;
      this.#origins.delete(name);
      void origin.destroy();
      return;
    }
  }
}

/**
 * One origin's pool, and the line of requests before it. The line is ours because undici's cannot be left: a request
 * whose time was up there would still take a connection, and tear it down.
 */
export class Origin implements ExchangeOwner {
  readonly #pool: Pool;
  readonly #limits: TransportLimits;
  readonly #waiting = new Set<Exchange>();
  #given = 0;

  constructor(name: string, connect: Connect, limits: TransportLimits) {
    this.#limits = limits;
    this.#pool = new Pool(name, {
      connections: limits.connectionsPerOriginMax,
      pipelining: 1,
      allowH2: false,
      headersTimeout: 0, // An exchange keeps one clock of its own over all of it.
      bodyTimeout: 0,
      keepAliveTimeout: limits.keepAliveMs,
      keepAliveMaxTimeout: KEEP_ALIVE_BY_PEER_MS_MAX,
      maxHeaderSize: limits.responseHeaderBytesMax,
      clientTtl: limits.connectionLifeMs,
      factory: (origin, options) => new PeerClient(origin, options, connect),
    });
  }

  get busy(): boolean {
    return this.#given > 0 || this.#waiting.size > 0;
  }

  send(options: ExchangeOptions): Promise<EgressAnswer> {
    const exchange = new Exchange(options, this);
    if (this.#given < this.#limits.connectionsPerOriginMax) this.#give(exchange);
    else if (this.#waiting.size < this.#limits.waitingPerOriginMax) this.#waiting.add(exchange);
    else exchange.refuse(new Error('too many requests wait for this origin'));
    return exchange.answer;
  }

  abandoned(exchange: Exchange): void {
    this.#waiting.delete(exchange);
  }

  released(): void {
    this.#given -= 1;
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    this.#give(next);
  }

  async destroy(): Promise<void> {
    await this.#pool.destroy(new EgressError('aborted', 'before'));
  }

  #give(exchange: Exchange): void {
    this.#given += 1;
    exchange.give(this.#pool);
  }
}

/** Tells an exchange which connection takes it: undici's handlers never see theirs. */
class PeerClient extends Client {
  readonly #connection: Connection;

  constructor(origin: URL, options: Client.Options, connect: Connect) {
    const connection: Connection = { peer: undefined };
    super(origin, {
      ...options,
      connect: (target, callback) =>
        connect(target, (...[error, socket, peer]) => {
          if (error !== null) {
            callback(error, null);
            return;
          }
          connection.peer = peer;
          callback(null, socket);
        }),
    });
    this.#connection = connection;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if (handler instanceof Exchange) handler.connection = this.#connection;
    return super.dispatch(options, handler);
  }
}
