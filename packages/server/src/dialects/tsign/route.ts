/** A request whose signature or token holds. */
export interface TsignRequest {
  readonly appId: string;
  /** The path's parameters, decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** The query's parameters, decoded; of a repeated key the first value, which is the one that was signed. */
  readonly query: Readonly<Record<string, string>>;
  /** The JSON object of the body; empty where none came. Form fields stand here too, as strings. */
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * One call of the open API. `path` is the whole path in the router's notation,
 * `/v2/identity/auth/pub/organization/:flowId/reversePayment`. What `handle` resolves to is the answer's `data`; a refusal
 * is a `TsignRefusal` or a `DomainError` of the table in errors.ts, anything else is answered as 30500000.
 */
export interface TsignRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  /** One line for openapi.json. */
  readonly summary?: string;
  handle(request: TsignRequest): Promise<unknown>;
}
