import { fork } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { makeCertificates } from './certificates.ts';
import { Destination } from './destination.ts';
import { ChaosNode } from './node-process.ts';
import { removeChaosPostgres, startChaosPostgres, type ChaosPostgres } from './postgres.ts';
import type { Random } from './random.ts';
import { Recorder } from './recorder.ts';

/** Where a message can be sent to. */
export interface Address {
  readonly destination: Destination;
  /** The fields of `POST /api/callback` that name it. */
  readonly fields: { readonly callee_no: string } | { readonly callback_url: string };
  /** Messages of one caller go one after another. */
  readonly isOrdered: boolean;
}

/** Everything that runs: several nodes on one PostgreSQL, receivers, and what both ends see. */
export interface World extends AsyncDisposable {
  readonly nodes: readonly ChaosNode[];
  readonly postgres: ChaosPostgres;
  /** Plain receivers of registered destinations: faults choose among them. */
  readonly receivers: readonly Destination[];
  /** Over TLS. */
  readonly secure: Destination;
  /** Sets where the name leads whose destination is `named`. */
  pointName(address: string): void;
  readonly addresses: readonly Address[];
  readonly recorder: Recorder;
  readonly appId: string;
  /** Of the callback routes. */
  readonly authorization: string;
  /** A node that takes requests, or null while all are down. */
  anyNode(random: Random): ChaosNode | null;
  /** Calls the admin API of any node; throws what went wrong. */
  admin(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>;
  /** Ends every fault: receivers acknowledge, clocks are right, names lead where they should, everything runs. */
  heal(): Promise<void>;
}

/** In range of what the nodes may reach; nothing else of the machine is. */
const ALLOWED_ADDRESS = '127.0.0.1';
/** A loopback address too, and forbidden: it stands for a private one. */
export const FORBIDDEN_ADDRESS = '127.0.0.2';
const NAMED_HOST = 'receiver.chaos.test';
/** Many tries at short intervals: every fault is over long before they are used up. */
const DELAYS_MS = Array.from({ length: 100 }, (_, index) => Math.min(100 + 20 * index, 400));
/** Opens soon and closes soon, so that rounds show both. */
const CIRCUIT = { failures: 5, cool_down_ms: 1_000 };
/** In the message: see `load.ts`. */
const ORDERING_KEY_PATH = 'caller';
const ADMIN_TIMEOUT_MS = 10_000;
const POOL_SIZE = '8';

export async function startWorld(options: {
  readonly nodes: number;
  readonly receivers: number;
  readonly random: Random;
}): Promise<World> {
  const { random } = options;
  await using starting = new AsyncDisposableStack();
  const folder = await makeTemporaryFolder(`yinxin-chaos-${process.pid}-`);
  const databaseFolder = join(folder, 'database');
  starting.defer(() => rm(folder, { recursive: true, force: true }));
  starting.use(startGuard(folder, databaseFolder));
  starting.defer(() => removeChaosPostgres(databaseFolder));
  const postgres = await startChaosPostgres(databaseFolder);

  // receivers
  const recorder = new Recorder();
  const certificates = await makeCertificates();
  const startReceiver = async (name: string, more: object = {}): Promise<Destination> => {
    const destination = await Destination.start({ name, recorder, random: random.branch(), trapUrl, ...more });
    starting.defer(() => destination.close());
    return destination;
  };
  let trapUrl = '';
  // At an address that may be reached, so that a redirect which is followed is seen.
  trapUrl = (await startReceiver('behind-redirect', { isForbidden: true })).urlAt(ALLOWED_ADDRESS);
  const receivers: Destination[] = [];
  for (let n = 1; n <= options.receivers; n += 1) receivers.push(await startReceiver(`receiver-${n}`));
  const secure = await startReceiver('secure', { certificates });
  const bare = await startReceiver('bare');
  const named = await startReceiver('named');
  // Not every system has the second loopback address.
  const forbidden = { isForbidden: true, address: FORBIDDEN_ADDRESS, port: named.port };
  await startReceiver('at-forbidden-address', forbidden).catch(() => undefined);

  // nodes
  const authorityFile = join(folder, 'authority.pem');
  await writeFile(authorityFile, certificates.authorityPem);
  const environment = {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? tmpdir(),
    NODE_EXTRA_CA_CERTS: authorityFile,
    DATABASE_URL: postgres.url,
    YINXIN_DATABASE_POOL: POOL_SIZE,
    YINXIN_MASTER_KEY: randomBytes(32).toString('base64'),
    YINXIN_EGRESS_ALLOW: `${ALLOWED_ADDRESS}/32`,
    YINXIN_LOG_LEVEL: 'warn',
  };
  const nodes: ChaosNode[] = [];
  for (let n = 1; n <= options.nodes; n += 1) {
    const dataDir = join(folder, `node-${n}`);
    await mkdir(dataDir);
    nodes.push(new ChaosNode({ name: `node-${n}`, dataDir, environment }));
  }
  const pointName = (address: string): void => {
    for (const node of nodes) node.tell({ kind: 'name', name: NAMED_HOST, address });
  };
  pointName(ALLOWED_ADDRESS);
  starting.defer(async () => void (await Promise.all(nodes.map((node) => node.stop()))));
  // The first alone: it makes the schema.
  await nodes[0]?.start();
  await Promise.all(nodes.map((node) => node.start()));

  const anyNode = (from: Random): ChaosNode | null => {
    const up = nodes.filter((node) => node.url !== null);
    return up.length === 0 ? null : from.pick(up);
  };
  const admin: World['admin'] = async (method, path, body) => {
    const node = anyNode(random);
    if (node?.url === null || node === null) throw new Error('no node is up');
    const answer = await fetch(`${node.url}/admin/v1${path}`, {
      method,
      headers: {
        authorization: await node.adminAuthorization(),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ADMIN_TIMEOUT_MS),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: HTTP ${answer.status} ${text}`);
    return JSON.parse(text) as Record<string, unknown>;
  };

  // the application and its destinations
  const { publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const app = await admin('POST', '/apps', { name: 'chaos', public_key: publicKey });
  const appId = String(app['app_id']);
  recorder.verifyWith(String(app['webhook_secret']));
  const registered = [
    ...receivers.map((destination, index) => ({ destination, host: ALLOWED_ADDRESS, isOrdered: index % 2 === 1 })),
    { destination: secure, host: ALLOWED_ADDRESS, isOrdered: false },
    { destination: named, host: NAMED_HOST, isOrdered: false },
  ];
  for (const { destination, host, isOrdered } of registered) {
    await admin('PUT', `/callees/${destination.name}?app_id=${appId}`, {
      url: destination.urlAt(host),
      delays_ms: DELAYS_MS,
      circuit: CIRCUIT,
      ...(isOrdered && { ordering_key_path: ORDERING_KEY_PATH }),
    });
  }
  const running = starting.move();
  return {
    nodes,
    postgres,
    receivers,
    secure,
    pointName,
    addresses: [
      ...registered.map(({ destination, isOrdered }) => ({
        destination,
        fields: { callee_no: destination.name },
        isOrdered,
      })),
      { destination: bare, fields: { callback_url: bare.urlAt(ALLOWED_ADDRESS) }, isOrdered: false },
    ],
    recorder,
    appId,
    authorization: `Bearer ${String(app['app_secret'])}`,
    anyNode,
    admin,
    async heal() {
      for (const destination of [...receivers, secure]) await destination.behave('acknowledge');
      pointName(ALLOWED_ADDRESS);
      for (const node of nodes) node.tell({ kind: 'clock', offsetMs: 0 });
      await postgres.start();
      await Promise.all(nodes.map((node) => node.start()));
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** The process that clears away after this one, should it be killed. */
function startGuard(folder: string, databaseFolder: string): AsyncDisposable {
  const script = fileURLToPath(new URL('guard.ts', import.meta.url));
  const guard = fork(script, [folder, databaseFolder], { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  guard.on('error', () => undefined);
  return {
    async [Symbol.asyncDispose]() {
      if (!guard.connected) return;
      const ended = once(guard, 'exit');
      guard.disconnect();
      await ended;
    },
  };
}
