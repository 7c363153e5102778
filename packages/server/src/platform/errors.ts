/**
 * The one family of errors that capabilities raise. `code` is stable and is what the edge maps to a contract's answer;
 * `params` are the words that may stand in a public message (a field's name, a limit); the private detail, such as a
 * database error, is `cause` and goes to the log alone.
 *
 * @example throw new DomainError('flow_not_found', { flowId });
 */
export class DomainError<Code extends string = string> extends Error {
  override readonly name = 'DomainError';
  readonly code: Code;
  readonly params: Readonly<Record<string, string>>;

  constructor(code: Code, params: Record<string, string> = {}, options: { cause?: unknown } = {}) {
    super(`${code} ${JSON.stringify(params)}`, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.params = params;
  }
}

/** Narrows an unknown thrown value to a `DomainError` with one of the given codes. */
export function isDomainError<Code extends string>(
  error: unknown,
  ...codes: readonly Code[]
): error is DomainError<Code> {
  return error instanceof DomainError && (codes.length === 0 || (codes as readonly string[]).includes(error.code));
}
