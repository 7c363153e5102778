import { execFile } from 'node:child_process';
import { appendFile, chmod, mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { prepareBinaries } from '../../src/platform/database/binaries.ts';
import { SUPERUSER, createCluster, readListening, writeSettings } from '../../src/platform/database/cluster.ts';
import { place, removePlacement } from '../../src/platform/database/placement.ts';
import {
  findPostmaster,
  isRunning,
  spawnPostmaster,
  stopPostmaster,
  waitUntilReady,
} from '../../src/platform/database/postmaster.ts';

/** A PostgreSQL that nothing starts again by itself: whoever stops it says when it comes back. */
export interface ChaosPostgres {
  readonly url: string;
  /** False where no file system of its own could be mounted: `fill` is then not to be called. */
  readonly canFill: boolean;
  /** Returns when it takes queries. Does nothing when it runs. */
  start(): Promise<void>;
  /** Fast shutdown: sessions are ended, everything is written. */
  restart(downMs: number): Promise<void>;
  /** SIGKILL of the postmaster; its start recovers. */
  kill(downMs: number): Promise<void>;
  /** Takes every free byte of its disk. Returns when a write of its own has failed with 53100. */
  fill(): Promise<void>;
  /** Gives the space back and starts the server if it gave up meanwhile; whether it had. */
  free(): Promise<boolean>;
}

const DATABASE = 'chaos';
const DISK_FULL = '53100';
/** Room for the cluster, its log and some thousand rounds' messages; only what is used takes memory. */
const DISK_BYTES = 1024 ** 3;
const START_TRIES = 60;
const START_RETRY_MS = 250;
const SLACK_BYTES = 256 * 1024;
const SHRINK_TRIES = 50;
const FILL_TRIES = 400;
const FILL_RETRY_MS = 20;
/** So that the log takes little of the disk, and a full one is felt by its writers soon. */
const SETTINGS = "max_wal_size = '64MB'\nmin_wal_size = '32MB'\n";

/**
 * Starts a cluster in `dataDir`, on a file system of its own where this process may mount one (root on Linux). fsync is
 * on, as the embedded one has it.
 */
export async function startChaosPostgres(dataDir: string): Promise<ChaosPostgres> {
  await mkdir(dataDir);
  await chmod(dataDir, 0o755);
  const canFill = await mountMemory(dataDir);
  const placement = await place(dataDir);
  const binaries = await prepareBinaries(placement.account, join(placement.home, 'lib'));
  await createCluster(placement, binaries, true);
  await appendFile(join(placement.cluster, 'postgresql.conf'), SETTINGS);
  const listening = await readListening(placement);
  const login = listening.password === undefined ? SUPERUSER : `${SUPERUSER}:${listening.password}`;
  const host = process.platform === 'win32' ? '127.0.0.1' : encodeURIComponent(placement.socketDirectory);
  const urlOf = (database: string): string => `postgresql://${login}@${host}:${listening.port}/${database}`;

  const start = async (): Promise<void> => {
    if ((await findPostmaster(placement)) !== undefined) return;
    await writeSettings(placement, binaries, listening, true);
    for (let tries = 1; tries <= START_TRIES; tries += 1) {
      const postmaster = await spawnPostmaster(placement, binaries);
      if ((await waitUntilReady(placement, postmaster, () => undefined)) === 'ready') return;
      // Backends of the killed one may hold its memory for a moment.
      await wait(START_RETRY_MS);
    }
    throw new Error(`PostgreSQL does not start; its log is ${placement.logFile}`);
  };

  await start();
  await asClient(urlOf('postgres'), (client) => client.query(`create database ${DATABASE}`));
  return {
    url: urlOf(DATABASE),
    canFill,
    start,
    async restart(downMs) {
      const postmaster = await findPostmaster(placement);
      if (postmaster !== undefined) await stopPostmaster(placement, postmaster);
      await wait(downMs);
      await start();
    },
    async kill(downMs) {
      const postmaster = await findPostmaster(placement);
      if (postmaster !== undefined) {
        process.kill(postmaster.pid, 'SIGKILL');
        while (await isRunning(placement, postmaster)) await wait(5);
      }
      await wait(downMs);
      await start();
    },
    async fill() {
      await shrinkToUsed(dataDir);
      await useUpWhatIsLeft(urlOf(DATABASE));
    },
    async free() {
      await mount('-o', `remount,size=${DISK_BYTES}`, dataDir);
      // One that gives up does so when it has failed to recover: it is looked at again until it answers.
      let gaveUp = false;
      for (let tries = 1; ; tries += 1) {
        gaveUp ||= (await findPostmaster(placement)) === undefined;
        await start();
        const answered = await asClient(urlOf(DATABASE), (client) =>
          client.query('drop table if exists chaos_disk'),
        ).catch((error: unknown) => error);
        if (!(answered instanceof Error)) return gaveUp;
        if (tries >= START_TRIES) throw answered;
        await wait(START_RETRY_MS);
      }
    },
  };
}

/** Ends whatever runs in `dataDir` and removes all of it; also what a killed run left. */
export async function removeChaosPostgres(dataDir: string): Promise<void> {
  const placement = await place(dataDir);
  const postmaster = await findPostmaster(placement);
  if (postmaster !== undefined) await stopPostmaster(placement, postmaster);
  await removePlacement(placement);
  await promisify(execFile)('umount', [dataDir]).catch(() => undefined);
  await rm(dataDir, { recursive: true, force: true });
}

async function mountMemory(folder: string): Promise<boolean> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const options = `size=${DISK_BYTES},mode=755`;
  return mount('-t', 'tmpfs', '-o', options, 'yinxin-chaos', folder).then(
    () => true,
    // A container without the right to mount.
    () => false,
  );
}

/** What is written between the look and the change makes the size too small to be taken: then it is looked again. */
async function shrinkToUsed(folder: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const { blocks, bfree, bsize } = await statfs(folder);
    try {
      await mount('-o', `remount,size=${(blocks - bfree) * bsize + SLACK_BYTES}`, folder);
      return;
    } catch (error) {
      if (tries >= SHRINK_TRIES) throw error;
    }
  }
}

async function mount(...options: string[]): Promise<void> {
  await promisify(execFile)('mount', options);
}

/** Fills a table that takes no part in the log until the disk says no: to a statement, or to a new session already. */
async function useUpWhatIsLeft(url: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await asClient(url, async (client) => {
        await client.query('create unlogged table if not exists chaos_disk (filler text)');
        await client.query("insert into chaos_disk select repeat('x', 1000) from generate_series(1, 1000)");
      });
    } catch (error) {
      if ((error as { code?: unknown }).code === DISK_FULL) return;
      // The server may have given up over its log, or recover from that.
      if (tries >= FILL_TRIES) throw error;
      await wait(FILL_RETRY_MS);
    }
    if (tries >= FILL_TRIES) throw new Error('the disk does not fill');
  }
}

async function asClient(url: string, work: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
