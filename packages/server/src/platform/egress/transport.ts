import { Connection } from './connection.ts';
import type { Connect, ConnectAs } from './connector.ts';
import type { EgressAnswer } from './egress.ts';
import type { TlsIdentity } from './tls-identity.ts';
import { Exchange, type ExchangeOptions, type ExchangeOwner } from './exchange.ts';

export interface TransportLimits {
  /** Origins whose connections are kept. One with requests under way is never closed to make room. */
  readonly originsMax: number;
  readonly connectionsPerOriginMax: number;
  /** Requests that wait for one of those connections at most; more fail at once. */
  readonly waitingPerOriginMax: number;
  readonly responseHeaderBytesMax: number;
  /** How long an unused connection is kept where the peer names no time of its own. */
  readonly keepAliveMs: number;
  /** A connection is not used again after this time, so that a change of DNS reaches a busy origin too. */
  readonly connectionLifeMs: number;
}

/** The connections to the origins that were lately asked for. */
export class Transport {
  readonly #connectAs: ConnectAs;
  readonly #limits: TransportLimits;
  /** In the order of their last use, the oldest first. */
  readonly #origins = new Map<string, Origin>();
  #latest: Origin | undefined;

  constructor(connectAs: ConnectAs, limits: TransportLimits) {
    this.#connectAs = connectAs;
    this.#limits = limits;
  }

  /** An origin's connections under one TLS identity: no two identities share a connection. */
  originOf(url: URL, identity: TlsIdentity | undefined): Origin {
    const name = identity === undefined || url.protocol === 'http:' ? url.origin : `${url.origin} ${identity.id}`;
    if (this.#latest?.name === name) return this.#latest;
    const known = this.#origins.get(name);
    const origin =
      known ?? new Origin({ name, origin: url.origin, connect: this.#connectAs(identity), limits: this.#limits });
    if (known === undefined) this.#makeRoom();
    else this.#origins.delete(name);
    this.#origins.set(name, origin);
    this.#latest = origin;
    return origin;
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#origins.values()].map((origin) => origin.destroy()));
    this.#origins.clear();
    this.#latest = undefined;
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
 * One origin's connections, and the line of requests before them. undici's pool would do the same, but looks through all
 * its connections for a free one (15 % of the time at 128 of them), and its line cannot be left: a request whose time
 * was up there would still take a connection, and tear it down.
 */
export class Origin implements ExchangeOwner {
  /** Its key among the origins; an origin under a TLS identity has one of its own. */
  readonly name: string;
  readonly #origin: string;
  readonly #connect: Connect;
  readonly #limits: TransportLimits;
  readonly #connections = new Set<Connection>();
  /** Last in, first out, so that what is not needed falls silent and is closed. */
  readonly #free: Connection[] = [];
  readonly #waiting = new Set<Exchange>();

  constructor(options: { name: string; origin: string; connect: Connect; limits: TransportLimits }) {
    this.name = options.name;
    this.#origin = options.origin;
    this.#connect = options.connect;
    this.#limits = options.limits;
  }

  get busy(): boolean {
    return this.#connections.size > this.#free.length || this.#waiting.size > 0;
  }

  send(options: ExchangeOptions): Promise<EgressAnswer> {
    const exchange = new Exchange(options, this);
    const connection = this.#free.pop() ?? this.#open();
    if (connection !== undefined) connection.carry(exchange);
    else if (this.#waiting.size < this.#limits.waitingPerOriginMax) this.#waiting.add(exchange);
    else exchange.refuse(new Error('too many requests wait for this origin'));
    return exchange.answer;
  }

  abandoned(exchange: Exchange): void {
    this.#waiting.delete(exchange);
  }

  released(connection: Connection): void {
    const worn = performance.now() - connection.openedAt > this.#limits.connectionLifeMs;
    const usable = connection.peer !== undefined && !worn;
    if (!usable) this.#forget(connection);
    const next = this.#nextWaiting();
    if (next !== undefined) (usable ? connection : this.#open())?.carry(next);
    else if (usable) this.#free.push(connection);
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#connections].map((connection) => connection.destroy()));
    this.#connections.clear();
    this.#free.length = 0;
  }

  #nextWaiting(): Exchange | undefined {
    for (const exchange of this.#waiting) {
      this.#waiting.delete(exchange);
      if (exchange.stillWanted()) return exchange;
    }
    return undefined;
  }

  /** Undefined when there are as many as may be. */
  #open(): Connection | undefined {
    if (this.#connections.size >= this.#limits.connectionsPerOriginMax) return undefined;
    const connection = new Connection({
      origin: this.#origin,
      connect: this.#connect,
      keepAliveMs: this.#limits.keepAliveMs,
      responseHeaderBytesMax: this.#limits.responseHeaderBytesMax,
      onDisconnect: (gone) => {
        const place = this.#free.indexOf(gone);
        if (place < 0) return;
        this.#free.splice(place, 1);
        this.#forget(gone);
      },
    });
    this.#connections.add(connection);
    return connection;
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection);
    connection.retire();
  }
}
