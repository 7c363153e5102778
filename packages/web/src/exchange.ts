import { AnswerError } from './answer-error.ts';

/** Nobody is kept waiting longer by one request: on a bad line the next try is more likely to come through. */
const ANSWER_WAIT_MS = 20_000;

export interface Exchange {
  method?: 'GET' | 'POST' | 'PUT';
  headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  body?: object;
}

/**
 * One request and its answer, JSON both ways. An answer without content is null.
 *
 * @throws AnswerError `offline` where no answer came, `internal` where it was no JSON
 */
export async function exchange(
  path: string,
  { method = 'GET', headers, body }: Exchange,
): Promise<{ isOk: boolean; answer: unknown }> {
  try {
    const response = await fetch(path, {
      method,
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_WAIT_MS),
    });
    const answer: unknown = response.status === 204 ? null : await response.json();
    return { isOk: response.ok, answer };
  } catch (error) {
    // An answer that is no JSON comes from something between us and the service.
    throw new AnswerError(error instanceof SyntaxError ? 'internal' : 'offline');
  }
}
