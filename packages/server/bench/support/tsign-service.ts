import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createApps } from '../../src/apps/index.ts';
import { createBank } from '../../src/bank/index.ts';
import type { Authenticator } from '../../src/dialects/tsign/authenticate.ts';
import { identityRoutes, registerTsignRoutes } from '../../src/dialects/tsign/index.ts';
import { registerCalls } from '../../src/dialects/tsign/routes.ts';
import { createDirectoryFileStore, createDocuments } from '../../src/documents/index.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { createIdentity, type Identity } from '../../src/identity/index.ts';
import { createJobs } from '../../src/jobs/index.ts';
import { createNotify } from '../../src/notify/index.ts';
import { createParties } from '../../src/parties/index.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { readConfig } from '../../src/platform/config.ts';
import { createEgress } from '../../src/platform/egress/index.ts';
import { createLog } from '../../src/platform/log.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createRelay, DEFAULT_LIMITS } from '../../src/relay/index.ts';
import { createSeals } from '../../src/seals/index.ts';
import { openServiceDatabase } from '../../src/service/database.ts';
import { createTrust } from '../../src/trust/index.ts';
import { answerCpu } from './process.ts';
import type { TsignServiceReady } from './tsign-terms.ts';

// The service of `npm run bench -- tsign`: one process and one database, the same route on two sockets, of which one
// lets everybody in.
const FLOWS = 200;
const JOBS_POLL_MS = 60_000;
/** Counted like any other, and never reached. */
const RATE_MAX = 100_000;
const [dataDir = ''] = process.argv.slice(2);
const log = createLog({ level: 'info', file: `${dataDir}/service.log` });
await using resources = new AsyncDisposableStack();
const config = readConfig({ YINXIN_DATA_DIR: dataDir }, { cwd: dataDir, nodeName: 'bench' });
const { db, pool } = await openServiceDatabase(config, log, resources);
const clock = systemClock;
const vault = createVault(Buffer.alloc(32, 1));
const apps = createApps({ db, vault, clock });

const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
const publicKey = key.export({ type: 'spki', format: 'pem' }).toString();
const { app, appSecret } = await apps.create({
  name: 'bench',
  publicKey,
  ratePerSecondMax: RATE_MAX,
  actor: 'operator',
});
const issued = await apps.issueToken({ appId: app.appId, secret: appSecret });
if (issued === undefined) throw new Error('no token');

const identity = createBenchIdentity();
const company = { orgName: '测试企业', orgCode: '91350100M000100Y43', legalRepName: '张三' };
const rest = { legalRep: null, agentFlowId: null, contextId: null, notifyUrl: null, actor: 'bench' };
const flowIds: string[] = [];
for (let n = 0; n < FLOWS; n += 1) {
  flowIds.push((await identity.startOrganization({ appId: app.appId, company, ...rest })).flowId);
}
const routes = identityRoutes(identity);

/** Company verification with everything it needs but its jobs, which a query does not wait for. */
function createBenchIdentity(): Identity {
  const egress = createEgress({ allowCidrs: [] });
  const parties = createParties({ db, vault, clock });
  const relay = createRelay({ db, egress, clock, vault, log, keys: apps, limits: DEFAULT_LIMITS, nodeName: 'bench' });
  const notify = createNotify({ relay, apps, log });
  const trust = createTrust({ db, vault, clock, keyAlgorithm: 'P-256' });
  const baseUrl = (): string => 'http://127.0.0.1';
  const seals = createSeals({ clock, links: { baseUrl, key: vault.deriveKey('seal-url') } });
  const files = createDirectoryFileStore(`${dataDir}/files`);
  const documents = createDocuments({ db, clock, files, baseUrl, fileUrlKey: vault.deriveKey('file-url') });
  const jobs = createJobs({ pool, log, concurrency: 1, pollIntervalMs: JOBS_POLL_MS });
  const bank = createBank({ db, vault, clock, log });
  const capabilities = { apps, parties, bank, documents, seals, trust, notify, egress, jobs };
  return createIdentity({ db, clock, vault, log, ...capabilities, factorSource: 'declared' });
}

/** Proves nothing: it does what no authentication can do without, and reads no query since the route has none. */
const everybody: Authenticator = {
  arrive: ({ method, url }) => Promise.resolve({ app, mode: 'signature', method, path: url, query: [], headers: {} }),
  prove: () => Promise.resolve({ app, query: {}, form: undefined }),
};

const newServer = () => createHttpServer({ log, trustedProxies: [] });
const authenticated = newServer();
registerTsignRoutes(authenticated, { apps, clock, routes, limits: config });
const open = newServer();
registerCalls(open, { authenticator: everybody, routes });

const anyPort = { host: '127.0.0.1', port: 0 };
const ready: TsignServiceReady = {
  authenticated: await authenticated.listen(anyPort),
  open: await open.listen(anyPort),
  appId: app.appId,
  flowIds,
  secret: appSecret,
  token: issued.token,
};
resources.defer(async () => {
  await Promise.all([authenticated.close(), open.close()]);
});
answerCpu();
process.send?.(ready);
await once(process, 'SIGTERM');
process.disconnect();
