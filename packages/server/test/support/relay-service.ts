import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { registerCallbackRoutes } from '../../src/dialects/etc/callback.ts';
import { createHttpServer } from '../../src/http/server.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { createEgress, type Egress } from '../../src/platform/egress/index.ts';
import { DomainError } from '../../src/platform/errors.ts';
import { createLog } from '../../src/platform/log.ts';
import { createVault } from '../../src/platform/vault.ts';
import {
  createRelay,
  DEFAULT_LIMITS,
  type Relay,
  type RelayDependencies,
  type RelayLimits,
} from '../../src/relay/index.ts';

/** A clock that stands until it is told. */
export class TestClock {
  #now = new Date();

  now(): Date {
    return this.#now;
  }

  set(at: Date): void {
    this.#now = at;
  }

  advance(milliseconds: number): void {
    this.#now = new Date(this.#now.getTime() + milliseconds);
  }
}

export const APP_ID = '5SV4BVSY0OXQ3ZSA';
export const OTHER_APP_ID = 'OIG0AF4DMOK2VC2N';
export const DISABLED_APP_ID = 'DISABLEDDISABLED';
export const APP_SECRET = 'the-secret-of-the-application';
export const WEBHOOK_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
export const relayKeys = generateKeyPairSync('rsa', { modulusLength: 2048 });

/** The vault of every relay here. */
export const vault = createVault(Buffer.alloc(32, 1));

/** The keys and the door of three applications, as the apps capability would keep them. */
export const applications = {
  bodyKey: async (): Promise<KeyObject> => relayKeys.privateKey,
  webhookSecret: async (): Promise<string> => WEBHOOK_SECRET,
  secretOf: async (appId: string): Promise<string> => `${APP_SECRET}-${appId}`,
  relayPublicKey: async (appId: string): Promise<string> => {
    if (appId !== APP_ID) throw new DomainError('app_not_found', { appId });
    return relayKeys.publicKey.export({ format: 'pem', type: 'spki' }).toString();
  },
  authorize: async (caller: { appId: string; bearer: string | undefined }) => {
    if (caller.appId === DISABLED_APP_ID) return 'disabled' as const;
    if (caller.appId !== APP_ID && caller.appId !== OTHER_APP_ID) return 'unknown_app' as const;
    return caller.bearer === `${APP_SECRET}-${caller.appId}` ? ('ok' as const) : ('forbidden' as const);
  },
};

/** Leases that a test can wait for. */
export const SHORT_LIMITS = { attemptTimeoutMs: 1_000, leaseMs: 1_500, pollMs: 50 };

export interface RelayServiceOptions {
  readonly database: { readonly db: Database; readonly url: string };
  readonly limits?: Partial<RelayLimits>;
  readonly nodeName?: string;
  readonly egress?: (egress: Egress) => Egress;
  readonly clock?: { now(): Date };
  readonly metrics?: RelayDependencies['metrics'];
  readonly spans?: RelayDependencies['spans'];
}

export interface RelayService {
  readonly relay: Relay;
  readonly clock: TestClock;
  readonly log: Record<string, unknown>[];
  /** `POST /api/callback`; the status must be 200, as for every answer of the contract. */
  post(body: unknown, headers?: Record<string, string>): Promise<Record<string, string>>;
  /** `GET /api/callback?…` */
  query(search: string, headers?: Record<string, string>): Promise<Record<string, string>>;
  readonly url: string;
  stop(): Promise<void>;
}

/** The relay behind its real HTTP routes on a loopback socket, with a clock that stands and no jitter. */
export async function startRelayService(options: RelayServiceOptions): Promise<RelayService> {
  const clock = new TestClock();
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ level: 'info', write: (line) => void lines.push(JSON.parse(line)) });
  const egress = createEgress({ allowCidrs: ['127.0.0.0/8'] });
  const relay = createRelay({
    db: options.database.db,
    egress: options.egress?.(egress) ?? egress,
    clock: options.clock ?? clock,
    vault,
    log,
    keys: applications,
    limits: { ...DEFAULT_LIMITS, pollMs: 20, ...options.limits },
    random: () => 0.5,
    nodeName: options.nodeName ?? 'node-1',
    ...(options.metrics !== undefined && { metrics: options.metrics }),
    ...(options.spans !== undefined && { spans: options.spans }),
    listen: { connectionString: options.database.url },
  });
  const server = createHttpServer({ log, trustedProxies: [] });
  registerCallbackRoutes(server, { relay, callers: applications, keys: applications });
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  await relay.start();
  const authorization = `Bearer ${APP_SECRET}-${APP_ID}`;
  const answerOf = async (response: Response): Promise<Record<string, string>> => {
    if (response.status !== 200) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
    return (await response.json()) as Record<string, string>;
  };
  return {
    relay,
    clock,
    log: lines,
    url,
    post: async (body, headers = {}) => {
      const raw = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
      const allHeaders = { 'content-type': 'application/json', authorization, ...headers };
      return answerOf(await fetch(`${url}/api/callback`, { method: 'POST', headers: allHeaders, body: raw }));
    },
    query: async (search, headers = {}) =>
      answerOf(await fetch(`${url}/api/callback?${search}`, { headers: { authorization, ...headers } })),
    stop: async () => {
      await server.close();
      await relay.stop();
      await egress.close();
    },
  };
}

/** Looks again until `found` gives something, as a signal would be: for what only the database shows. */
export async function eventually<T>(found: () => Promise<T | null | undefined | false>): Promise<T> {
  for (;;) {
    const value = await found();
    if (value !== null && value !== undefined && value !== false) return value;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
