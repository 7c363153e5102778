import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import type { Certificates } from './certificates.ts';
import { ACKNOWLEDGEMENT, MISBEHAVIOURS, type Misbehaviour } from './misbehaviour.ts';
import type { Random } from './random.ts';
import type { Recorder } from './recorder.ts';

/** How a receiver behaves: well, in one of its application's ways, not listening at all, or failing at TLS. */
export type Behaviour = 'acknowledge' | 'refuse' | 'tls-error' | Misbehaviour;

export interface DestinationOptions {
  readonly name: string;
  readonly recorder: Recorder;
  readonly random: Random;
  /** Where a redirect leads. */
  readonly trapUrl?: string;
  /** https with these. */
  readonly certificates?: Certificates;
  /** Nothing may ever arrive here. */
  readonly isForbidden?: boolean;
  readonly address?: string;
  readonly port?: number;
}

/** Below the ports that systems give to outgoing connections: a receiver that was closed finds its port free again. */
const PORT_MIN = 18_000;
const PORT_MAX = 31_000;
const LISTEN_TRIES = 200;
const LISTEN_RETRY_MS = 25;
/** A healthy receiver takes this long at most. */
const WORK_MS_MAX = 15;

/** A receiver on a loopback port of its own, whose behaviour can be changed while it runs. */
export class Destination {
  readonly name: string;
  readonly port: number;
  readonly #options: DestinationOptions;
  readonly #server: Server | SecureServer;
  #behaviour: Behaviour = 'acknowledge';

  /** @throws when no port could be had */
  static async start(options: DestinationOptions): Promise<Destination> {
    for (let tries = 1; ; tries += 1) {
      const destination = new Destination(options, options.port ?? options.random.integer(PORT_MIN, PORT_MAX));
      try {
        await destination.#listen();
        return destination;
      } catch (error) {
        if (options.port !== undefined || tries >= LISTEN_TRIES) throw error;
      }
    }
  }

  private constructor(options: DestinationOptions, port: number) {
    this.name = options.name;
    this.port = port;
    this.#options = options;
    const receive = (request: IncomingMessage, response: ServerResponse): void =>
      // A message that was cut off is no receipt.
      void this.#receive(request, response).catch(() => response.destroy());
    const { certificates } = options;
    this.#server =
      certificates === undefined ? createServer(receive) : createSecureServer({ ...certificates.trusted }, receive);
    this.#server.on('tlsClientError', () => undefined);
  }

  /** The base of its URL under a host name that leads to it. */
  urlAt(host: string): string {
    return `${this.#options.certificates === undefined ? 'http' : 'https'}://${host}:${this.port}/callback`;
  }

  /** Changes what it does from the next connection or message on. */
  async behave(behaviour: Behaviour): Promise<void> {
    const before = this.#behaviour;
    this.#behaviour = behaviour;
    const { certificates } = this.#options;
    if (certificates !== undefined && 'setSecureContext' in this.#server) {
      this.#server.setSecureContext(behaviour === 'tls-error' ? certificates.stranger : certificates.trusted);
    }
    if (behaviour === 'refuse') await this.close();
    else if (before === 'refuse') await this.#listenAgain();
    // Connections of before have made their handshake.
    else if (behaviour === 'tls-error') this.#server.closeAllConnections();
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #listen(): Promise<void> {
    this.#server.listen(this.port, this.#options.address ?? '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async #listenAgain(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#listen();
        return;
      } catch (error) {
        if (tries >= LISTEN_TRIES) throw error;
        await wait(LISTEN_RETRY_MS);
      }
    }
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { name, recorder, random, trapUrl = '', isForbidden = false } = this.#options;
    const body = await buffer(request);
    const receipt = recorder.receive({ destination: name, headers: request.headers, body, isForbidden });
    const behaviour = this.#behaviour;
    if (behaviour in MISBEHAVIOURS) {
      MISBEHAVIOURS[behaviour as Misbehaviour](response, { random, trapUrl, request });
      return;
    }
    await wait(random.integer(0, WORK_MS_MAX));
    if (isForbidden || response.destroyed) {
      response.destroy();
      return;
    }
    // Whether the sender hears of it is the sender's trouble: this receiver has taken the message.
    receipt.acknowledgedAt = recorder.place();
    response.writeHead(200, { 'content-type': 'application/json' }).end(ACKNOWLEDGEMENT);
  }
}
