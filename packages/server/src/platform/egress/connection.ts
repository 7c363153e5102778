import { Client } from 'undici';
import type { Connect, GiveUp } from './connector.ts';
import { EgressError, type EgressPeer } from './egress.ts';
import type { Exchange } from './exchange.ts';

const KEEP_ALIVE_BY_PEER_MS_MAX = 60_000;

export interface ConnectionOptions {
  readonly origin: string;
  readonly connect: Connect;
  readonly keepAliveMs: number;
  readonly responseHeaderBytesMax: number;
  /** Its socket is gone. */
  readonly onDisconnect: (connection: Connection) => void;
}

/** One HTTP/1.1 connection, one exchange at a time. It is opened by the first. */
export class Connection {
  readonly openedAt = performance.now();
  readonly #client: Client;
  #peer: EgressPeer | undefined;
  #giveUpOpening: GiveUp | undefined;

  constructor(options: ConnectionOptions) {
    this.#client = new Client(options.origin, {
      pipelining: 1,
      allowH2: false,
      headersTimeout: 0, // An exchange keeps one clock of its own over all of it.
      bodyTimeout: 0,
      keepAliveTimeout: options.keepAliveMs,
      keepAliveMaxTimeout: KEEP_ALIVE_BY_PEER_MS_MAX,
      maxHeaderSize: options.responseHeaderBytesMax,
      connect: (target, callback) => {
        this.#giveUpOpening = options.connect(target, (...[error, socket, peer]) => {
          if (error !== null) {
            callback(error, null);
            return;
          }
          this.#peer = peer;
          callback(null, socket);
        });
      },
    });
    this.#client.on('disconnect', () => {
      this.#peer = undefined;
      options.onDisconnect(this);
    });
  }

  /** Undefined while no socket stands. */
  get peer(): EgressPeer | undefined {
    return this.#peer;
  }

  carry(exchange: Exchange): void {
    exchange.connection = this;
    this.#client.dispatch(exchange.message(), exchange);
  }

  /** The exchange it is being opened for has ended. */
  giveUpOpening(reason: EgressError): void {
    this.#giveUpOpening?.(reason);
  }

  /** Takes no more exchanges; its socket is closed once the present one is through. */
  retire(): void {
    // With a callback: the promise form rejects for a client that was destroyed meanwhile.
    this.#client.close(() => undefined);
  }

  async destroy(): Promise<void> {
    const reason = new EgressError('aborted', 'before');
    this.giveUpOpening(reason);
    await this.#client.destroy(reason);
  }
}
