import { mkdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createApps } from './apps/index.ts';
import { findAuditedApps, verifyAuditChain } from './audit/index.ts';
import { createBank } from './bank/index.ts';
import { loadAdminToken } from './dialects/admin/index.ts';
import {
  createDirectoryFileStore,
  createDocuments,
  createPageImageLinks,
  createPageImages,
  createPdfThreads,
} from './documents/index.ts';
import { createEvidenceReports } from './evidence-report/index.ts';
import { createHttpServer } from './http/server.ts';
import { createIdentity } from './identity/index.ts';
import { createJobs } from './jobs/index.ts';
import { createMessageAdapter, createMessages } from './messages/index.ts';
import { createNotify } from './notify/index.ts';
import { createParties } from './parties/index.ts';
import { systemClock } from './platform/clock.ts';
import type { Config } from './platform/config.ts';
import {
  ADMIN_TOKEN_FILE,
  FILES_FOLDER,
  KEYS_FOLDER,
  MASTER_KEY_FILE,
  SPOOL_FOLDER,
} from './platform/data-directory.ts';
import { createEgress } from './platform/egress/index.ts';
import { letHeapGrow } from './platform/garbage-collection.ts';
import { createLog } from './platform/log.ts';
import { loadMasterKey } from './platform/master-key.ts';
import { createMetrics } from './platform/metrics.ts';
import { createSynchronisedClock, keepSynchronised } from './platform/synchronised-clock.ts';
import { createVault } from './platform/vault.ts';
import {
  createRelay,
  createRelayOperations,
  DEFAULT_LIMITS,
  DEFAULT_RETENTION,
  type RelayLimits,
} from './relay/index.ts';
import { createSealReview, createSeals } from './seals/index.ts';
import { announce, urlOf } from './service/address.ts';
import { databaseTime, openRelayPools, openServiceDatabase } from './service/database.ts';
import { registerDialects } from './service/dialects.ts';
import { examineService } from './service/examine.ts';
import { createLongTerm } from './service/long-term.ts';
import { assertMasterKeyFits } from './service/master-key-check.ts';
import { serviceSigner } from './service/service-signer.ts';
import { createTraces } from './service/traces.ts';
import { createServiceValidation, validationOf } from './service/validation.ts';
import { registerStalledFlows } from './service/stalled-flows.ts';
import { recordStart, type StartTimings } from './service/starts.ts';
import { createQuotas } from './quotas/index.ts';
import { createReceipts, withReceipts } from './receipts/index.ts';
import { createSigning } from './signing/index.ts';
import { createSubscriptions } from './subscriptions/index.ts';
import { createTrust } from './trust/index.ts';

/** A running service. */
export interface Service {
  /** Of its own socket. */
  url: string;
  dataDir: string;
  /** `modules` and `total` count from the process's own start. */
  timings: StartTimings;
  /** The certificate of the built-in authority. */
  rootCertificatePem(): Promise<string>;
  /** Settles when the service cannot go on by itself. */
  failed: Promise<Error>;
  /** Lets what has begun end, then closes everything. May be called twice. */
  stop(): Promise<void>;
}

export interface ServiceOptions {
  /** Log to this file in place of standard output. */
  logFile?: string;
  /** In place of the relay's own. */
  relayLimits?: Partial<RelayLimits>;
}

/** Two of them may be messages that a gateway keeps waiting. */
const JOBS_AT_ONCE = 4;
const JOBS_POLL_MS = 2_000;
const NONCES_PRUNED_EVERY_MS = 60_000;
const WATCHED_FOLDERS_EVERY_MS = 5_000;
const RELAY_MAINTAINED_EVERY_MS = 3_600_000;
const CLOCK_SYNCHRONISED_EVERY_MS = 10_000;
/** The built pages: beside this package, in a checkout as where it was installed. */
const PAGE_FOLDER = fileURLToPath(new URL('../../web/dist/', import.meta.url));

/** Makes every object of the service and wires it, starts it, and answers when it takes requests. */
export async function startService(config: Config, options: ServiceOptions = {}): Promise<Service> {
  const modulesMs = performance.now();
  const clock = systemClock;
  const log = createLog({ level: config.logLevel, ...(options.logFile !== undefined && { file: options.logFile }) });
  await using starting = new AsyncDisposableStack();

  // platform
  await makeDataDirectory(config.dataDir);
  const inDataDir = (name: string): string => join(config.dataDir, name);
  const vault = createVault(
    await loadMasterKey({
      file: inDataDir(MASTER_KEY_FILE),
      ...(config.masterKey !== null && { given: config.masterKey }),
    }),
  );
  const token = await loadAdminToken(inDataDir(ADMIN_TOKEN_FILE));
  const database = await openServiceDatabase(config, log, starting);
  const { db, pool } = database;
  // Callbacks keep the database's time, which all nodes have in common.
  const relayClock = createSynchronisedClock(
    () => databaseTime(pool),
    () => performance.now(),
    clock.now(),
  );
  await relayClock.synchronise();
  const metrics = createMetrics();
  const spans = createTraces(config, log, metrics);
  starting.defer(async () => spans?.stop());
  const egress = createEgress({ allowCidrs: config.egressAllowCidrs });
  starting.defer(() => egress.close());

  // capabilities
  const apps = createApps({ db, vault, clock });
  await assertMasterKeyFits(db, apps);
  const parties = createParties({ db, vault, clock });
  const relay = createRelay({
    db,
    pools: await openRelayPools(config, database, starting),
    egress,
    clock: relayClock,
    vault,
    log,
    metrics,
    ...(spans !== null && { spans }),
    keys: apps,
    limits: { ...DEFAULT_LIMITS, ...options.relayLimits },
    retention: {
      ...DEFAULT_RETENTION,
      days: config.relayRetentionDays,
      contentDays: config.relayContentDays,
    },
    nodeName: config.nodeName,
    listen: { connectionString: database.connectionString },
  });
  const notify = createNotify({ relay, apps, log });
  const subscriptions = createSubscriptions({ db, clock, egress, relay });
  let url = '';
  const baseUrl = (): string => config.publicUrl ?? url;
  const trust = createTrust({
    db,
    vault,
    clock,
    egress,
    keyAlgorithm: config.trust.keyAlgorithm,
    policy: config.trust,
    keysFolder: inDataDir(KEYS_FOLDER),
    pkcs11: config.trust.pkcs11,
    pkiUrl: () => config.trust.pkiUrl ?? baseUrl(),
  });
  starting.defer(() => trust.close());
  const validation = await createServiceValidation(config, { trust, clock });
  starting.defer(() => validation.close());
  const seals = createSeals({ clock, links: { baseUrl, key: vault.deriveKey('seal-url') } });
  const sealReview = createSealReview({ db, clock, seals });
  const documents = createDocuments({
    db,
    clock,
    files: createDirectoryFileStore(inDataDir(FILES_FOLDER)),
    baseUrl,
    fileUrlKey: vault.deriveKey('file-url'),
  });
  const jobs = createJobs({
    pool,
    log,
    concurrency: JOBS_AT_ONCE,
    pollIntervalMs: JOBS_POLL_MS,
    isOnlyNode: config.databaseUrl === null,
  });
  const messages = createMessages({
    db,
    clock,
    vault,
    jobs,
    log,
    adapter: createMessageAdapter(config.messages, { egress, clock, log }),
    language: config.messageLanguage,
  });
  const pageImages = createPageImages();
  starting.defer(() => pageImages.close());
  const quotas = createQuotas({ db, clock, apps, parties });
  const pdf = createPdfThreads();
  starting.defer(() => pdf.close());
  const { longTerm, authority: timestampAuthority } = await createLongTerm(config, { db, trust, egress, clock, log });
  const signing = createSigning({
    db,
    clock,
    vault,
    egress,
    jobs,
    documents,
    pdf,
    seals,
    trust,
    parties,
    notify: withReceipts(notify, (key) => documents.fileUrl(key)),
    quotas,
    apps,
    messages,
    pageImages,
    baseUrl,
    readingSeconds: config.signReadingSeconds,
    log,
    longTerm,
  });
  registerStalledFlows(metrics, signing, () => performance.now());
  const pageImageLinks = createPageImageLinks({
    documents,
    images: pageImages,
    clock,
    baseUrl,
    key: vault.deriveKey('page-image-url'),
  });
  const evidence = createEvidenceReports({
    db,
    clock,
    documents,
    parties,
    seals,
    signing,
    signer: () => serviceSigner(trust, db, longTerm),
    validate: (document) => validationOf(validation, document),
  });
  const receipts = createReceipts({ db, clock, egress, parties, documents, signing });
  const bank = createBank({ db, vault, clock, log });
  const identity = createIdentity({
    db,
    clock,
    vault,
    log,
    egress,
    jobs,
    apps,
    parties,
    bank,
    documents,
    seals,
    trust,
    notify,
    factorSource: config.factorSource,
  });
  bank.listenTo(identity.paymentListener);
  jobs.every('apps.prune-nonces', NONCES_PRUNED_EVERY_MS, async () => {
    await apps.pruneNonces();
  });
  jobs.every('bank.watched-folders', WATCHED_FOLDERS_EVERY_MS, async () => {
    await bank.importWatchedFolders();
  });

  jobs.every('relay.maintain', RELAY_MAINTAINED_EVERY_MS, () => relay.maintain());
  jobs.every('subscriptions.prune-keys', RELAY_MAINTAINED_EVERY_MS, () => subscriptions.pruneKeys());
  starting.defer(keepSynchronised(relayClock, CLOCK_SYNCHRONISED_EVERY_MS, log));

  // dialects
  let draining = false;
  const server = createHttpServer({ log, trustedProxies: config.trustedProxies });
  const timings: Record<string, number> = { modules: modulesMs, ...database.timings };
  registerDialects(server, {
    probes: {
      metrics,
      async ready() {
        if (draining) throw new Error('stopping');
        await pool.query('select 1');
      },
    },
    gateway: { apps, parties, signing, identity, quotas, sealReview, receipts, pageImages: pageImageLinks, clock },
    callback: { relay, callers: apps, keys: apps },
    subscription: { subscriptions, callers: apps },
    bankNotice: { bank },
    files: { documents, pageImages: pageImageLinks, openSealUrl: (parts) => seals.openSealUrl(db, parts) },
    pki: { trust, clock, limits: config },
    validation: { validation, limits: config },
    tsa: { authority: timestampAuthority, limits: config },
    tsign: { apps, clock, identity, limits: config },
    signer: { signing, evidence, clock, baseUrl, limits: config },
    member: {
      identity,
      clock,
      sessionKey: vault.deriveKey('member-session'),
      baseUrl,
      limits: config,
    },
    pages: { pageFolder: PAGE_FOLDER },
    admin: {
      token,
      apps,
      parties,
      identity,
      relay,
      relayOperations: createRelayOperations({ db, clock: relayClock, vault, keys: apps }),
      audit: {
        listApps: () => findAuditedApps(db),
        verify: (appId, onProgress) => verifyAuditChain(db, appId, onProgress),
      },
      subscriptions,
      quotas,
      sealReview,
      evidence,
      signing,
      trust,
      bank,
      spoolFolder: inDataDir(SPOOL_FOLDER),
      examine: async () => ({ findings: await examineService(config, url, database, signing), timings }),
    },
  });

  // start: what takes requests comes last and stops first
  await jobs.start();
  starting.defer(() => jobs.stop());
  await relay.start();
  starting.defer(() => relay.stop());
  await server.listen({ host: config.host, port: config.port });
  starting.defer(() => server.close());
  url = urlOf(server.server.address() as AddressInfo);
  starting.defer(await announce(config.dataDir, url, clock.now()));
  letHeapGrow();
  timings['total'] = performance.now();
  const kind = database.isNew ? 'cold' : 'warm';
  await recordStart(config.dataDir, { kind, at: clock.now(), timings });
  log.info({ url, start: kind, timingsMs: timings }, 'ready');

  const running = starting.move();
  let stopped: Promise<void> | undefined;
  return {
    url,
    dataDir: config.dataDir,
    timings,
    rootCertificatePem: () => trust.rootCertificatePem(),
    failed: database.failed,
    async stop() {
      draining = true;
      log.info('stopping: what has begun is finished first');
      await (stopped ??= running.disposeAsync());
    },
  };
}

/** Brings the schema up to this version and answers the names of the migrations that were applied. */
export async function migrateDatabase(config: Config): Promise<readonly string[]> {
  await using resources = new AsyncDisposableStack();
  await makeDataDirectory(config.dataDir);
  const database = await openServiceDatabase(config, createLog({ level: 'silent' }), resources);
  return database.migrationsApplied;
}

/**
 * Its owner alone may look into it. Where root starts the service, the database's unprivileged user must pass through to
 * its own folder; what is secret has a mode of its own.
 */
async function makeDataDirectory(dataDir: string): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
}
