/** How an origin of the sink treats requests. */
export type SinkBehaviour = 'answer' | 'hang' | 'refuse';

export type SinkQuestion =
  /** Opens so many origins, each on a port of its own. Answers their URLs. */
  | { readonly kind: 'open'; readonly origins: number }
  | { readonly kind: 'behave'; readonly origins: readonly number[]; readonly as: SinkBehaviour }
  /** Begins to count anew. With `byId` every webhook-id is remembered. */
  | { readonly kind: 'reset'; readonly byId: boolean }
  | { readonly kind: 'count' };

export interface SinkCount {
  /** Requests that were received whole, by origins that answer. */
  readonly received: number;
  /** When that was, on the sink's own clock. */
  readonly atMs: number;
  /** Webhook-ids that came more than once, how often beyond the first time. */
  readonly repeated: number;
}
