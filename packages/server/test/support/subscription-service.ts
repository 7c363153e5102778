import { registerSubscriptionRoutes } from '../../src/dialects/etc/index.ts';
import { createHttpServer } from '../../src/http/server.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { createEgress } from '../../src/platform/egress/index.ts';
import { createLog } from '../../src/platform/log.ts';
import type { Relay } from '../../src/relay/index.ts';
import { createSubscriptions, type Subscriptions } from '../../src/subscriptions/index.ts';
import { APP_ID, APP_SECRET, applications } from './relay-service.ts';

export interface SubscriptionService {
  readonly subscriptions: Subscriptions;
  readonly log: Record<string, unknown>[];
  /** `POST` to one of the three paths; the status must be 200, as for every answer of the dialect. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Record<string, string>>;
  /** The same, with what the answer says of coming again. */
  postForHeaders(path: string, body: unknown): Promise<{ answer: Record<string, string>; retryAfter: string | null }>;
  stop(): Promise<void>;
}

/** Event subscriptions behind their real HTTP routes on a loopback socket, over a relay that the caller has. */
export async function startSubscriptionService(options: {
  readonly db: Database;
  readonly relay: Pick<Relay, 'enqueueMany'>;
  readonly clock: { now(): Date };
}): Promise<SubscriptionService> {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ level: 'info', write: (line) => void lines.push(JSON.parse(line)) });
  const egress = createEgress({ allowCidrs: ['127.0.0.0/8'] });
  const subscriptions = createSubscriptions({ ...options, egress });
  const server = createHttpServer({ log, trustedProxies: [] });
  registerSubscriptionRoutes(server, { subscriptions, callers: applications });
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  const send = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const raw = typeof body === 'string' ? body : JSON.stringify(body);
    const appId = /"app_id": ?"([A-Z0-9]{16})"/.exec(raw)?.[1] ?? APP_ID;
    const authorization = `Bearer ${APP_SECRET}-${appId}`;
    const all = { 'content-type': 'application/json', authorization, ...headers };
    const response = await fetch(`${url}${path}`, { method: 'POST', headers: all, body: raw });
    if (response.status !== 200) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
    const answer = (await response.json()) as Record<string, string>;
    return { answer, retryAfter: response.headers.get('retry-after') };
  };
  return {
    subscriptions,
    log: lines,
    post: async (path, body, headers) => (await send(path, body, headers)).answer,
    postForHeaders: send,
    async stop() {
      await server.close();
      await egress.close();
    },
  };
}
