import type { AddressInfo } from 'node:net';
import { createApps } from '../../src/apps/index.ts';
import { registerCallbackRoutes } from '../../src/dialects/etc/index.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { readConfig } from '../../src/platform/config.ts';
import { createEgress } from '../../src/platform/egress/index.ts';
import { letHeapGrow } from '../../src/platform/garbage-collection.ts';
import { createLog } from '../../src/platform/log.ts';
import { createVault } from '../../src/platform/vault.ts';
import { loadMasterKey } from '../../src/platform/master-key.ts';
import { createCalleeKeys } from '../../src/relay/callee-keys.ts';
import { DEFAULT_LIMITS } from '../../src/relay/index.ts';
import { urlOf } from '../../src/service/address.ts';
import { openServiceDatabase } from '../../src/service/database.ts';
import { createBareRelay } from './bare-relay.ts';
import { untilStopped } from './process.ts';
import type { RelayNodeReady, RelayNodeSettings } from './relay-node-terms.ts';

// The other side of `npm run bench -- relay`: the same HTTP server, route, egress and signing with the storage off. Its
// database tells it of applications, destinations and keys.
const { environment, logFile } = JSON.parse(process.argv[2] ?? '{}') as RelayNodeSettings;
const config = readConfig(environment, { cwd: '/', nodeName: 'bench' });
await using resources = new AsyncDisposableStack();
const log = createLog({ level: config.logLevel, file: logFile });
const clock = systemClock;
const { db } = await openServiceDatabase(config, log, resources);
const given = config.masterKey === null ? {} : { given: config.masterKey };
const vault = createVault(await loadMasterKey({ file: '', ...given }));
const apps = createApps({ db, vault, clock });
const egress = createEgress({ allowCidrs: config.egressAllowCidrs });
resources.defer(() => egress.close());
const { nodeName } = config;
const relay = createBareRelay({
  db,
  egress,
  clock,
  keys: apps,
  calleeKeys: createCalleeKeys(vault),
  log,
  limits: DEFAULT_LIMITS,
  nodeName,
});
const server = createHttpServer({ log, trustedProxies: [] });
registerCallbackRoutes(server, { relay, callers: apps, keys: apps });
await server.listen({ host: config.host, port: config.port });
resources.defer(() => server.close());
letHeapGrow();
const ready: RelayNodeReady = { url: urlOf(server.server.address() as AddressInfo) };
process.send?.(ready);
await untilStopped();
