import { setTimeout as wait } from 'node:timers/promises';

import type { ClientConfig } from 'pg';

import { DomainError } from '../errors.ts';
import { removeAbandonedClusters } from './abandoned-clusters.ts';
import { prepareBinaries } from './binaries.ts';
import type { Binaries } from './binaries.ts';
import {
  SUPERUSER,
  assertClusterVersion,
  clusterExists,
  createCluster,
  readListening,
  writeSettings,
} from './cluster.ts';
import type { Listening } from './cluster.ts';
import { takeOwnership } from './ownership.ts';
import type { Ownership } from './ownership.ts';
import { place, removeOutsideSocketDirectory, removePlacement } from './placement.ts';
import type { Placement } from './placement.ts';
import {
  findPostmaster,
  isRunning,
  spawnPostmaster,
  startFailed,
  stopPostmaster,
  waitUntilReady,
} from './postmaster.ts';
import type { Postmaster } from './postmaster.ts';
import { boundServerLog, serverLogTail } from './server-log.ts';

/** The part of a pino logger that the server's life is told to. */
interface DatabaseLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface EmbeddedPostgresOptions {
  /** Yinxin's data directory; the cluster goes to its folder `postgres`. */
  readonly dataDir: string;
  readonly log?: DatabaseLog;
  /** The server ended and could not be brought back: nothing works any more. */
  readonly onUnexpectedExit?: (error: Error) => void;
  /** Off for throw-away clusters alone: a loss of power then loses the data. Default on. */
  readonly fsync?: boolean;
}

/** Milliseconds of a start, by part. */
interface StartTimings {
  /** Finding or making folders and programs. */
  readonly prepareMs: number;
  /** initdb; 0 when the cluster was there. */
  readonly initialiseMs: number;
  /** From the server's spawn until it takes queries; little when it was taken over. */
  readonly startMs: number;
  readonly totalMs: number;
}

export interface EmbeddedPostgres {
  /** For `openDatabase`, and for any other PostgreSQL driver that knows sockets in URLs. */
  readonly connectionString: string;
  readonly timings: StartTimings;
  /** The server of a killed process was found alive and is used on. */
  readonly takenOver: boolean;
  /** The server's main process now; it changes when the server had to be restarted. */
  pid(): number;
  /** Ends every session and stops the server. May be called twice. */
  stop(): Promise<void>;
  /** Stops the server and deletes the cluster, wherever it stands, with all its data: for throw-away ones. */
  destroy(): Promise<void>;
}

const DATABASE = 'yinxin';
const LOG_CHECK_MS = 60_000;
/** A server that ends this often within the window is not started again. */
const RESTARTS_MAX = 6;
const RESTART_WINDOW_MS = 60_000;
const RESTART_DELAYS_MS = [0, 100, 250, 500, 1_000, 2_000];
/** Backends of a killed server may hold its memory for a moment: PostgreSQL refuses to start until they are gone. */
const START_TRIES = 8;
const START_RETRY_MS = 250;

interface Running {
  readonly postmaster: Postmaster;
  readonly ownership: Ownership;
}

/**
 * Starts the service's own PostgreSQL on a data directory, or takes over the one a killed process left behind. One
 * process has it at a time. A server that ends by itself is started again; sessions of before fail and are reopened
 * by the pool.
 *
 * @throws DomainError `data_directory_in_use` (pid), `data_directory_unusable`, `database_account_missing`,
 *   `database_binaries_missing`, `database_initialisation_failed`, `database_start_failed`,
 *   `database_version_unsupported`
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const begun = performance.now();
  const fsync = options.fsync ?? true;
  const placement = await place(options.dataDir);
  const binaries = await prepareBinaries(placement.account, `${placement.home}/lib`);
  const prepared = performance.now();
  const isNew = !(await clusterExists(placement));
  if (isNew) {
    options.log?.info({ cluster: placement.cluster }, 'creating the database cluster');
    await createCluster(placement, binaries, fsync);
    if (placement.account !== undefined) await removeAbandonedClusters();
  }
  await assertClusterVersion(placement, binaries);
  const initialised = performance.now();

  const server = new EmbeddedServer(placement, binaries, await readListening(placement), { ...options, fsync });
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  const ready = performance.now();
  return {
    connectionString: server.connectionString(),
    takenOver: server.takenOver(),
    timings: {
      prepareMs: prepared - begun,
      initialiseMs: isNew ? initialised - prepared : 0,
      startMs: ready - initialised,
      totalMs: ready - begun,
    },
    pid: () => server.pid(),
    stop: () => server.stop(),
    destroy: async () => {
      await server.stop();
      await removePlacement(placement);
    },
  };
}

class EmbeddedServer {
  readonly #placement: Placement;
  readonly #binaries: Binaries;
  readonly #listening: Listening;
  readonly #options: EmbeddedPostgresOptions & { readonly fsync: boolean };
  #running: Running | undefined;
  #stopping: Promise<void> | undefined;
  #restarting: Promise<void> | undefined;
  #restartedAt: number[] = [];
  #logCheck: NodeJS.Timeout | undefined;

  constructor(
    placement: Placement,
    binaries: Binaries,
    listening: Listening,
    options: EmbeddedPostgresOptions & { readonly fsync: boolean },
  ) {
    this.#placement = placement;
    this.#binaries = binaries;
    this.#listening = listening;
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#run();
    const client = this.#current().ownership.client;
    const found = await client.query('select 1 from pg_database where datname = $1', [DATABASE]);
    if (found.rowCount === 0) await client.query(`create database ${DATABASE} strategy file_copy`);
    this.#logCheck = setInterval(
      () => void boundServerLog(this.#placement.logFile).catch(() => undefined),
      LOG_CHECK_MS,
    ).unref();
  }

  connectionString(): string {
    const { port, password } = this.#listening;
    const login = password === undefined ? SUPERUSER : `${SUPERUSER}:${password}`;
    const host = process.platform === 'win32' ? '127.0.0.1' : encodeURIComponent(this.#placement.socketDirectory);
    return `postgresql://${login}@${host}:${port}/${DATABASE}`;
  }

  pid(): number {
    return this.#current().postmaster.pid;
  }

  takenOver(): boolean {
    return this.#current().postmaster.takenOver;
  }

  stop(): Promise<void> {
    return (this.#stopping ??= this.#stop());
  }

  async #stop(): Promise<void> {
    clearInterval(this.#logCheck);
    await this.#restarting;
    if (this.#running === undefined) return;
    await stopPostmaster(this.#placement, this.#running.postmaster);
    await this.#running.ownership.ended;
    await removeOutsideSocketDirectory(this.#placement);
  }

  #current(): Running {
    if (this.#running === undefined) throw startFailed('the server does not run');
    return this.#running;
  }

  /** Brings the server up, by finding or by starting it, and makes it ours. */
  async #run(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const settings = await writeSettings(this.#placement, this.#binaries, this.#listening, this.#options.fsync);
      const postmaster =
        (await findPostmaster(this.#placement)) ?? (await spawnPostmaster(this.#placement, this.#binaries));
      const ownership = await this.#own(postmaster);
      if (ownership !== undefined) {
        const shown = await ownership.client.query<{ value: string | null }>(
          "select current_setting('yinxin.settings', true) as value",
        );
        if (shown.rows[0]?.value === settings) {
          this.#adopt({ postmaster, ownership });
          return;
        }
        // It was started by another version, or with other settings.
        await stopPostmaster(this.#placement, postmaster);
      }
      if (tries >= START_TRIES)
        throw startFailed(`PostgreSQL ends at its start: ${await serverLogTail(this.#placement.logFile)}`);
      if (ownership === undefined && !postmaster.takenOver) await wait(START_RETRY_MS);
    }
  }

  async #own(postmaster: Postmaster): Promise<Ownership | undefined> {
    const state = await waitUntilReady(this.#placement, postmaster, (waitedMs) => {
      this.#options.log?.info({ pid: postmaster.pid, waitedMs }, 'the database starts or recovers');
    });
    if (state === 'ended') return undefined;
    return takeOwnership(this.#clientConfig(), this.#placement.dataDirectory, () =>
      isRunning(this.#placement, postmaster),
    );
  }

  #clientConfig(): ClientConfig {
    const { port, password } = this.#listening;
    return {
      host: process.platform === 'win32' ? '127.0.0.1' : this.#placement.socketDirectory,
      port,
      user: SUPERUSER,
      database: 'postgres',
      ...(password === undefined ? {} : { password }),
    };
  }

  #adopt(running: Running): void {
    this.#running = running;
    void this.#watch(running.ownership);
  }

  async #watch(ownership: Ownership): Promise<void> {
    await ownership.ended;
    if (this.#stopping === undefined) this.#restarting = this.#restart();
  }

  async #restart(): Promise<void> {
    const pid = this.#running?.postmaster.pid;
    this.#running = undefined;
    try {
      const now = performance.now();
      this.#restartedAt = [...this.#restartedAt.filter((at) => now - at < RESTART_WINDOW_MS), now];
      if (this.#restartedAt.length > RESTARTS_MAX) throw startFailed('PostgreSQL ends again and again');
      this.#options.log?.warn({ pid }, 'the database ended unexpectedly and is started again');
      await wait(RESTART_DELAYS_MS[this.#restartedAt.length - 1] ?? 0);
      await this.#run();
      this.#options.log?.info({ pid: this.pid() }, 'the database runs again');
    } catch (error) {
      const cause = error instanceof Error ? error : new DomainError('database_start_failed', {}, { cause: error });
      this.#options.onUnexpectedExit?.(cause);
    }
  }
}
