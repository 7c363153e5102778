import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { sql } from 'kysely';
import { createApps } from '../../src/apps/index.ts';
import type { Authenticator } from '../../src/dialects/tsign/authenticate.ts';
import { registerTsignRoutes, type TsignRoute } from '../../src/dialects/tsign/index.ts';
import { registerCalls } from '../../src/dialects/tsign/routes.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { readConfig } from '../../src/platform/config.ts';
import { createLog } from '../../src/platform/log.ts';
import { createVault } from '../../src/platform/vault.ts';
import { openServiceDatabase } from '../../src/service/database.ts';
import { answerCpu } from './process.ts';
import { PROCESS_PATH, type TsignServiceReady } from './tsign-terms.ts';

// The service of `npm run bench -- tsign`: one process and one database, the same route on two sockets, of which one
// lets everybody in.
const [dataDir = ''] = process.argv.slice(2);
const log = createLog({ level: 'info', file: `${dataDir}/service.log` });
await using resources = new AsyncDisposableStack();
const config = readConfig({ YINXIN_DATA_DIR: dataDir }, { cwd: dataDir, nodeName: 'bench' });
const { db } = await openServiceDatabase(config, log, resources);
const apps = createApps({ db, vault: createVault(Buffer.alloc(32, 1)), clock: systemClock });

const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
const publicKey = key.export({ type: 'spki', format: 'pem' }).toString();
const { app, appSecret } = await apps.create({ name: 'bench', publicKey, actor: 'operator' });
const issued = await apps.issueToken({ appId: app.appId, secret: appSecret });
if (issued === undefined) throw new Error('no token');

/** One read by key, and an answer as long as seed 001's. */
const route: TsignRoute = {
  method: 'GET',
  path: PROCESS_PATH,
  async handle({ appId, params }) {
    await sql`select name, created_at from app where app_id = ${appId}`.execute(db);
    return {
      process: 'ORGANFINISHED',
      subAccount: params['flowId'],
      subAccountChannelName: '平安银行杭州西湖支行',
      mainAccountName: '杭州天谷信息科技有限公司',
      oppAccountNo: '1105011111111000018',
      oppAccountName: 'XXXXX有限公司',
      oppBankName: '中国建设银行股份有限公司北京西三旗支行',
      payAmount: '0.01',
      tradeTime: '20220622125445',
      createTime: '1655871059000',
      modifyTime: '1655873715000',
      message: null,
      bizFlowNo: '218540111110042471328',
      auditing: null,
      authLetterAuditStatus: null,
    };
  },
};

/** Proves nothing: it does what no authentication can do without, and reads no query since the route has none. */
const everybody: Authenticator = {
  arrive: ({ method, url }) => Promise.resolve({ app, mode: 'signature', method, path: url, query: [], headers: {} }),
  prove: () => Promise.resolve({ app, query: {}, form: undefined }),
};

const newServer = () => createHttpServer({ log, trustedProxies: [] });
const authenticated = newServer();
registerTsignRoutes(authenticated, { apps, clock: systemClock, routes: [route] });
const open = newServer();
registerCalls(open, { authenticator: everybody, routes: [route] });

const anyPort = { host: '127.0.0.1', port: 0 };
const ready: TsignServiceReady = {
  authenticated: await authenticated.listen(anyPort),
  open: await open.listen(anyPort),
  appId: app.appId,
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
