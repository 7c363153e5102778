import { generateKeyPairSync } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { createApps, type Apps, type CreateAppInput } from '../../src/apps/index.ts';
import { registerTsignRoutes, type TsignRequest, type TsignRoute } from '../../src/dialects/tsign/index.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { createLog } from '../../src/platform/log.ts';
import { createVault } from '../../src/platform/vault.ts';
import type { TestDatabase } from './database.ts';
import type { TsignAccount } from './tsign-client.ts';

const publicKey = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .publicKey.export({ type: 'spki', format: 'pem' })
  .toString();

/** The dialect on a real socket and a real database. */
export interface TsignService {
  readonly url: string;
  readonly apps: Apps;
  /** The service's clock, which the test sets. */
  readonly time: { now: Date };
  /** Every line of the log so far. */
  readonly log: Record<string, unknown>[];
  /** What reached a route that `echo` made. */
  readonly reached: TsignRequest[];
  account(input?: Partial<CreateAppInput>): Promise<TsignAccount>;
  stop(): Promise<void>;
}

/** `makeRoutes` gets a way to make routes that note what reaches them and answer it. */
export async function startTsign(
  database: TestDatabase,
  makeRoutes: (echo: (method: TsignRoute['method'], path: string) => TsignRoute) => TsignRoute[],
  at = new Date('2026-11-21T08:00:00.000Z'),
  limits = { unprovenPerSecondPerAddressMax: 10_000 },
): Promise<TsignService> {
  const time = { now: at };
  const clock = { now: () => time.now };
  const apps = createApps({ db: database.db, vault: createVault(Buffer.alloc(32, 7)), clock });
  const log: Record<string, unknown>[] = [];
  const write = (line: string): number => log.push(JSON.parse(line) as Record<string, unknown>);
  const server = createHttpServer({ log: createLog({ level: 'info', write }), trustedProxies: [] });
  const reached: TsignRequest[] = [];
  const routes = makeRoutes((method, path) => ({
    method,
    path,
    handle: (request) => {
      reached.push(request);
      const { appId, params, query, body } = request;
      return Promise.resolve({ appId, params, query, body });
    },
  }));
  registerTsignRoutes(server, { apps, clock, routes, limits });
  await server.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    apps,
    time,
    log,
    reached,
    async account(input = {}) {
      const { app, appSecret } = await apps.create({ name: '测试', publicKey, actor: 'operator', ...input });
      return { appId: app.appId, secret: appSecret };
    },
    stop: () => server.close(),
  };
}
