import type { LatencySummary } from './latencies.ts';

/** A message that is posted over and over. */
export interface LoadMessage {
  /** JSON. */
  readonly body: string;
  /** Latencies are told by group. */
  readonly group: string;
}

/**
 * What the load generator is to do. Without a rate each connection sends its next request when it has the answer to the
 * last; with one, requests fall due at even distances whatever the answers do, and wait for a free connection.
 */
export interface LoadOrder {
  /** Connections are spread over them evenly. */
  readonly origins: readonly string[];
  readonly path: string;
  /** Sent in turn. */
  readonly messages: readonly LoadMessage[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly connections: number;
  /** The end of sending. */
  readonly milliseconds: number;
  /** Or after so many requests. */
  readonly requestsMax?: number;
  readonly requestsPerSecond?: number;
  /** False: what is unanswered at the end of sending is left behind. Default true. */
  readonly answersAwaited?: boolean;
}

export interface LoadOutcome {
  /** Answers that came while requests were sent, each second. */
  readonly perSecond: number;
  readonly answered: number;
  /** Answers by the `code` in their body; `http_N` where there was none, `lost` where the connection broke. */
  readonly codes: Readonly<Record<string, number>>;
  /** From the moment at which a request fell due to the last byte of its answer. */
  readonly latencies: Readonly<Record<string, LatencySummary>>;
}
