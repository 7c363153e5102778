import type { Egress } from '../../platform/egress/index.ts';
import type { TimestampService } from './timestamps.ts';

/** A service of RFC 3161 over HTTP (3.4), as the configuration names it. */
export type TimestampUrl = {
  /** Without credentials. */
  url: string;
  basicAuth?: { user: string; password: string };
  /** Whom to trust, DER; whoever answers under the URL where it is left out. */
  roots?: readonly Buffer[];
  policy?: string;
};

const TOTAL_TIMEOUT_MS = 8_000;
const CONNECT_TIMEOUT_MS = 3_000;
const RESPONSE_BYTES_MAX = 64 * 1024;

export function httpTimestampService(
  egress: Pick<Egress, 'request'>,
  { url, basicAuth, roots, policy }: TimestampUrl,
  { totalTimeoutMs = TOTAL_TIMEOUT_MS }: { totalTimeoutMs?: number } = {},
): TimestampService {
  const credentials = basicAuth && Buffer.from(`${basicAuth.user}:${basicAuth.password}`).toString('base64');
  const { host, pathname } = new URL(url);
  return {
    name: `${host}${pathname}`,
    builtIn: false,
    roots: roots && (async () => roots),
    policy,
    async request(query) {
      const answer = await egress.request({
        method: 'POST',
        url,
        headers: {
          'content-type': 'application/timestamp-query',
          accept: 'application/timestamp-reply',
          ...(credentials !== undefined && { authorization: `Basic ${credentials}` }),
        },
        body: query,
        connectTimeoutMs: Math.min(CONNECT_TIMEOUT_MS, totalTimeoutMs),
        totalTimeoutMs,
        responseBytesMax: RESPONSE_BYTES_MAX,
      });
      if (answer.status !== 200) throw new Error(`answered HTTP status ${answer.status}`);
      return answer.body;
    },
  };
}
