import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { chmod, mkdtemp, mkdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { processEnvironment, readConfig } from '../../src/platform/config.ts';
import { ADMIN_TOKEN_FILE } from '../../src/platform/data-directory.ts';
import { startEmbeddedPostgres } from '../../src/platform/database/index.ts';
import type { LoadOrder, LoadOutcome } from './load-terms.ts';
import { progress } from './options.ts';
import { startProcess, type BenchProcess } from './process.ts';
import { familyProcessorMicros, processorMicros } from './processor-time.ts';
import type { RelayNodeReady, RelayNodeSettings } from './relay-node-terms.ts';
import type { SinkBehaviour, SinkCount, SinkQuestion } from './sink-terms.ts';
import { takeStatementTimes, type StatementTime } from './statement-times.ts';

export type RelayNode = BenchProcess<RelayNodeReady>;

/** A registered destination of the benchmark. */
export interface BenchCallee {
  readonly calleeNo: string;
  readonly url: string;
  readonly profile: 'plain' | 'etc-relay';
}

/** Of each node: four of them have room in the hundred connections of the embedded PostgreSQL. */
const DATABASE_POOL = 16;

/** The places of a benchmark of the relay: a database of its own, destinations, a load generator, and the nodes it starts. */
export interface RelaySite extends AsyncDisposable {
  readonly databaseUrl: string;
  readonly sink: Sink;
  /** Application of every message; made by the first node. */
  readonly appId: string;
  /** The first node, which has made the schema. */
  readonly node: RelayNode;
  startNode(name: string, options?: NodeOptions): Promise<RelayNode>;
  setCallee(callee: BenchCallee): Promise<void>;
  load(order: LoadOrder): Promise<LoadOutcome>;
  /** Processor time of load generator and sink, in microseconds. */
  toolsMicros(): Promise<{ load: number; sink: number }>;
  /** What PostgreSQL spent on each statement since the last call; only where `statements` was asked for. */
  statements(): Promise<readonly StatementTime[]>;
  /** Of PostgreSQL with its sessions; NaN where it is not the embedded one. */
  postgresMicros(): Promise<number>;
}

export interface SiteSettings {
  readonly logLevel: string;
  /** Of the first node. */
  readonly nodeOptions?: readonly string[];
  /** Let the embedded PostgreSQL count its statements, which costs it a little. */
  readonly statements?: boolean;
}

export interface NodeOptions {
  /** Its storage off. */
  readonly bare?: boolean;
  readonly nodeOptions?: readonly string[];
}

export interface Sink {
  readonly pid: number;
  open(origins: number): Promise<readonly string[]>;
  behave(origins: readonly number[], as: SinkBehaviour): Promise<void>;
  reset(byId: boolean): Promise<void>;
  count(): Promise<SinkCount>;
}

/** Opens the site for `work` and closes it whatever happens, an interruption by Ctrl-C included. */
export async function onRelaySite(settings: SiteSettings, work: (site: RelaySite) => Promise<void>): Promise<void> {
  const interrupted = Promise.withResolvers<never>();
  const interrupt = (): void => interrupted.reject(new Error('interrupted'));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    await using resources = new AsyncDisposableStack();
    const working = openRelaySite(settings, resources).then(work);
    await Promise.race([working, interrupted.promise]);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

/** Registers so many destinations, each an origin of its own at the sink: `c1`, `c2`, … */
export async function openCallees(
  site: RelaySite,
  count: number,
  profile: BenchCallee['profile'],
): Promise<BenchCallee[]> {
  const urls = await site.sink.open(count);
  const callees = urls.map((url, index): BenchCallee => ({ calleeNo: `c${index + 1}`, url, profile }));
  for (const callee of callees) await site.setCallee(callee);
  return callees;
}

async function openRelaySite(settings: SiteSettings, resources: AsyncDisposableStack): Promise<RelaySite> {
  const folder = await mkdtemp(join(tmpdir(), 'yinxin-bench-'));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  // Passable for the database's unprivileged user, should root run this.
  await chmod(folder, 0o711);
  const server = await openServer(folder, settings.statements === true, resources);
  const databaseUrl = await createDatabase(server.url, resources);
  if (settings.statements === true) await runStatement(databaseUrl, 'create extension pg_stat_statements');
  if (server.pid !== null) await fillWal(databaseUrl);
  const sinkProcess = resources.use(await startProcess<object>(new URL('sink-service.ts', import.meta.url), []));
  const loadProcess = resources.use(await startProcess<object>(new URL('load-service.ts', import.meta.url), []));
  const masterKey = randomBytes(32).toString('base64');

  const startNode = async (name: string, options: NodeOptions = {}): Promise<RelayNode> => {
    const dataDir = join(folder, name);
    await mkdir(dataDir, { recursive: true });
    const node: RelayNodeSettings = {
      logFile: join(dataDir, 'service.log'),
      environment: {
        YINXIN_DATA_DIR: dataDir,
        YINXIN_PORT: '0',
        YINXIN_MASTER_KEY: masterKey,
        YINXIN_EGRESS_ALLOW: '127.0.0.0/8',
        YINXIN_NODE_NAME: name,
        YINXIN_LOG_LEVEL: settings.logLevel,
        DATABASE_URL: databaseUrl,
        YINXIN_DATABASE_POOL: String(DATABASE_POOL),
      },
    };
    const script = options.bare === true ? 'bare-relay-service.ts' : 'durable-relay-service.ts';
    const nodeOptions = options.nodeOptions ?? [];
    const started = await startProcess<RelayNodeReady>(new URL(script, import.meta.url), [JSON.stringify(node)], {
      nodeOptions,
    });
    return resources.use(started);
  };

  const node = await startNode('node-1', { nodeOptions: settings.nodeOptions ?? [] });
  const token = (await readFile(join(folder, 'node-1', ADMIN_TOKEN_FILE), 'utf8')).trim();
  const admin = (method: string, path: string, body: object): Promise<Record<string, unknown>> =>
    callAdmin(`${node.ready.url}/admin/v1${path}`, { method, token, body });
  const publicKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
  const app = await admin('POST', '/apps', {
    name: 'bench',
    public_key: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    allow_ips: ['127.0.0.1/32'],
  });

  return {
    databaseUrl,
    node,
    appId: String(app['app_id']),
    sink: sinkOf(sinkProcess),
    startNode,
    async setCallee({ calleeNo, url, profile }) {
      const acknowledge = profile === 'plain' ? { acknowledge: { kind: 'status', statuses: [200] } } : {};
      await admin('PUT', `/callees/${calleeNo}`, { url, profile, ...acknowledge });
    },
    load: async (order) => (await loadProcess.ask(order)) as LoadOutcome,
    toolsMicros: async () => ({
      load: await processorMicros(loadProcess.pid),
      sink: await processorMicros(sinkProcess.pid),
    }),
    statements: () => takeStatementTimes(databaseUrl),
    postgresMicros: async () => (server.pid === null ? Number.NaN : familyProcessorMicros(server.pid())),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** The operator's own PostgreSQL where DATABASE_URL names one, else an embedded one. */
async function openServer(
  folder: string,
  statements: boolean,
  resources: AsyncDisposableStack,
): Promise<{ url: string; pid: (() => number) | null }> {
  const { databaseUrl } = readConfig(databaseVariable(), { cwd: folder, nodeName: 'bench' });
  if (databaseUrl !== null) return { url: databaseUrl, pid: null };
  let embedded = await startEmbeddedPostgres({ dataDir: folder });
  if (statements) {
    await runStatement(embedded.connectionString, `alter system set shared_preload_libraries = 'pg_stat_statements'`);
    await embedded.stop();
    embedded = await startEmbeddedPostgres({ dataDir: folder });
  }
  resources.defer(() => embedded.destroy());
  return { url: embedded.connectionString, pid: () => embedded.pid() };
}

function databaseVariable(): Record<string, string> {
  const url = processEnvironment()['DATABASE_URL'];
  return url === undefined ? {} : { DATABASE_URL: url };
}

/** A database of the benchmark's own beside the one that is named, dropped at the end: nothing there is touched. */
async function createDatabase(serverUrl: string, resources: AsyncDisposableStack): Promise<string> {
  const name = `yinxin_bench_${randomBytes(6).toString('hex')}`;
  await runStatement(serverUrl, `create database ${name}`);
  resources.defer(() => runStatement(serverUrl, `drop database ${name} with (force)`));
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/**
 * A database that has run for a while writes into segments of WAL that it has written before; a new one makes each
 * segment anew, 16 MB of zeros and their fsync, for which whoever commits just then waits 30 to 40 ms. So the benchmark's
 * own server writes as much as it will need once, and begins a checkpoint, which keeps the segments.
 */
async function fillWal(url: string): Promise<void> {
  progress('the database writes 1 GB of WAL once, as one that has run for a while has');
  await runStatement(url, 'create table wal_filling (filling text)');
  for (let part = 0; part < 10; part += 1) {
    await runStatement(url, `insert into wal_filling select repeat('x', 1000) from generate_series(1, 95000)`);
  }
  await runStatement(url, 'drop table wal_filling');
  await runStatement(url, 'checkpoint');
}

async function runStatement(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function sinkOf(sink: BenchProcess<object>): Sink {
  const ask = (question: SinkQuestion): Promise<unknown> => sink.ask(question);
  return {
    pid: sink.pid,
    open: async (origins) => (await ask({ kind: 'open', origins })) as readonly string[],
    behave: async (origins, as) => void (await ask({ kind: 'behave', origins, as })),
    reset: async (byId) => void (await ask({ kind: 'reset', byId })),
    count: async () => (await ask({ kind: 'count' })) as SinkCount,
  };
}

async function callAdmin(
  url: string,
  call: { method: string; token: string; body: object },
): Promise<Record<string, unknown>> {
  const answer = await fetch(url, {
    method: call.method,
    headers: { authorization: `Bearer ${call.token}`, 'content-type': 'application/json' },
    body: JSON.stringify(call.body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${call.method} ${url}: ${answer.status} ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}
