import type { Dispatcher } from 'undici';
import { BoundedBody } from './body.ts';
import type { Connection } from './connection.ts';
import {
  EgressError,
  type EgressAnswer,
  type EgressErrorCode,
  type EgressPeer,
  type EgressRequest,
  type EgressStage,
} from './egress.ts';

/** A peer may announce (103) and keep alive (102) a few times before it answers. */
const INTERIM_ANSWERS_MAX = 32;

export interface ExchangeOptions {
  readonly request: EgressRequest;
  readonly url: URL;
  /** Names and values in turn, checked. */
  readonly headers: string[];
  /** For a request that names none. */
  readonly connectTimeoutMs: number;
}

/** What an exchange tells the origin that carries it. */
export interface ExchangeOwner {
  /** It ended while it waited for a connection. */
  abandoned(exchange: Exchange): void;
  /** A connection is done with it, which may be after its answer was given up. */
  released(connection: Connection): void;
}

/**
 * One request and what comes of it, as undici's own handler: the stream that `undici.request` puts around a body is
 * saved. The answer is settled once, by whichever comes first: the last byte, a failure, a limit, a timeout, an abort.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly answer: Promise<EgressAnswer>;
  /** Set by the connection that takes it. */
  connection: Connection | undefined;

  readonly #options: ExchangeOptions;
  readonly #request: EgressRequest;
  readonly #owner: ExchangeOwner;
  readonly #connectTimeoutMs: number;
  readonly #startedAt = performance.now();
  readonly #body: BoundedBody;
  #resolve: (answer: EgressAnswer) => void = () => undefined;
  #reject: (error: EgressError) => void = () => undefined;
  #stage: EgressStage = 'before';
  #settled = false;
  #timer: NodeJS.Timeout;
  #controller: Dispatcher.DispatchController | undefined;
  #peer: EgressPeer | undefined;
  #interimAnswers = 0;
  #status = 0;
  #headers: EgressAnswer['headers'] = {};

  constructor(options: ExchangeOptions, owner: ExchangeOwner) {
    const { request } = options;
    this.#options = options;
    this.#request = request;
    this.#owner = owner;
    this.#body = new BoundedBody(request.responseBytesMax);
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#connectTimeoutMs = Math.min(request.connectTimeoutMs ?? options.connectTimeoutMs, request.totalTimeoutMs);
    this.#timer = setTimeout(expire, this.#connectTimeoutMs, this);
    request.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** What undici is to write. */
  message(): Dispatcher.DispatchOptions {
    const { url, headers } = this.#options;
    const { method, body } = this.#request;
    return { path: url.pathname + url.search, method, headers, body: body ?? null };
  }

  /** No connection will take it. */
  refuse(cause: Error): void {
    this.#fail('connect_failed', cause);
  }

  /**
   * Whether it is still worth a connection. After a stall of the event loop a whole line can be overdue, and its timers
   * come one after the other: each would be given the connection that the one before it gave up.
   */
  stillWanted(): boolean {
    if (!this.#settled && this.#elapsedMs() >= this.#connectTimeoutMs) this.expire();
    return !this.#settled;
  }

  /** The time of the present stage is up. */
  expire(): void {
    this.#fail(this.#stage === 'before' ? 'connect_timeout' : 'response_timeout');
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#settled) {
      controller.abort(new EgressError('aborted', 'before'));
      return;
    }
    this.#controller = controller;
    this.#stage = 'during';
    clearTimeout(this.#timer);
    this.#timer = setTimeout(expire, Math.max(1, this.#request.totalTimeoutMs - this.#elapsedMs()), this);
    this.#peer = this.connection?.peer;
    if (this.#peer !== undefined) this.#request.onPeer?.(this.#peer);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: object): void {
    if (this.#settled) return;
    if (status < 200) {
      this.#interimAnswers += 1;
      if (this.#interimAnswers > INTERIM_ANSWERS_MAX) this.#fail('response_invalid');
      return;
    }
    this.#stage = 'after';
    this.#status = status;
    this.#headers = headers as EgressAnswer['headers'];
    const declaredBytes = Number(this.#headers['content-length'] ?? 0);
    if (declaredBytes > this.#request.responseBytesMax && this.#request.onOverflow !== 'truncate') {
      this.#fail('response_too_large');
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settled || this.#body.add(chunk)) return;
    if (this.#request.onOverflow !== 'truncate') {
      this.#fail('response_too_large');
      return;
    }
    this.#succeed(true);
    controller.abort(new EgressError('response_too_large', 'after'));
  }

  onResponseEnd(): void {
    if (!this.#settled) this.#succeed(false);
    this.#release();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    // An error of our own carries its private detail already.
    this.#fail(failureCode(error, this.#stage), error instanceof EgressError ? error.cause : error);
    this.#release();
  }

  #release(): void {
    if (this.connection !== undefined) this.#owner.released(this.connection);
  }

  #succeed(truncated: boolean): void {
    this.#settle();
    this.#resolve({
      status: this.#status,
      headers: this.#headers,
      body: this.#body.bytes(),
      truncated,
      remoteAddress: this.#peer?.remoteAddress ?? '',
      tlsFingerprint: this.#peer?.tlsFingerprint ?? null,
      durationMs: this.#elapsedMs(),
    });
  }

  #fail(code: EgressErrorCode, cause?: unknown): void {
    if (this.#settled) return;
    this.#settle();
    const error = new EgressError(code, this.#stage, cause === undefined ? {} : { cause });
    this.#reject(error);
    if (this.connection === undefined) this.#owner.abandoned(this);
    else if (this.#controller === undefined) this.connection.giveUpOpening(error);
    else this.#controller.abort(error);
  }

  #settle(): void {
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#request.signal?.removeEventListener('abort', this.#onAbort);
  }

  readonly #onAbort = (): void => this.#fail('aborted');

  #elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }
}

function expire(exchange: Exchange): void {
  exchange.expire();
}

/** undici's errors in our words. Before a connection stands, the connector has named its errors itself. */
function failureCode(error: Error & { code?: unknown }, stage: EgressStage): EgressErrorCode {
  if (error instanceof EgressError) return error.code;
  if (error.code === 'UND_ERR_INVALID_ARG' || error.code === 'UND_ERR_NOT_SUPPORTED') return 'request_invalid';
  if (error.code === 'UND_ERR_DESTROYED' || error.code === 'UND_ERR_CLOSED') return 'aborted';
  if (stage === 'before') return 'connect_failed';
  if (error.code === 'UND_ERR_HEADERS_OVERFLOW') return 'response_too_large';
  // Two lengths that disagree are told before the head is through, a body cut short after it.
  if (error.code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH' && stage === 'during') return 'response_invalid';
  if (error.name === 'HTTPParserError' && !error.message.includes('Invalid EOF state')) return 'response_invalid';
  return 'connection_lost';
}
