import { Pool } from 'undici';

/** A request that is sent over and over. */
export interface LoadRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Record<string, string>;
}

export interface LoadOptions {
  readonly origin: string;
  /** Sent in turn. */
  readonly requests: readonly LoadRequest[];
  /** Each has one request under way at a time. */
  readonly connections: number;
  readonly milliseconds: number;
}

export interface LoadResult {
  /** Requests answered, each of them with the status 200 and a body that was read. */
  readonly answered: number;
  readonly perSecond: number;
}

export async function putLoad(options: LoadOptions): Promise<LoadResult> {
  const { origin, requests, connections, milliseconds } = options;
  const pool = new Pool(origin, { connections, pipelining: 1 });
  let answered = 0;
  const startedMs = performance.now();
  const endMs = startedMs + milliseconds;
  const sendUntilEnd = async (first: number): Promise<void> => {
    for (let n = first; performance.now() < endMs; n += 1) {
      const request = requests[n % requests.length];
      if (request === undefined) throw new Error('no requests to send');
      const { statusCode, body } = await pool.request(request);
      const text = await body.text();
      if (statusCode !== 200) throw new Error(`${request.path}: HTTP ${statusCode} ${text}`);
      answered += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, (_, index) => sendUntilEnd(index)));
  const seconds = (performance.now() - startedMs) / 1_000;
  await pool.close();
  return { answered, perSecond: answered / seconds };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = Number.NaN, high = Number.NaN] = [sorted[(sorted.length - 1) >> 1], sorted[middle]];
  return (low + high) / 2;
}
