import { execFile, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';

import { DomainError } from '../errors.ts';
import type { Binaries } from './binaries.ts';
import { processExists, programOptions } from './cluster.ts';
import { openToChange } from './owned-file.ts';
import { SOCKET_FILE } from './placement.ts';
import type { Placement } from './placement.ts';
import { openServerLog } from './server-log.ts';

/** What the server says of itself in postmaster.pid (PostgreSQL's miscadmin.h, LOCK_FILE_LINE_*). */
export interface PidFile {
  readonly pid: number;
  readonly status: 'starting' | 'stopping' | 'ready' | 'unknown';
}

/** The server's main process, whether we started it or found it. */
export interface Postmaster {
  readonly pid: number;
  /** Whether it ran before us: its parent was killed. */
  readonly takenOver: boolean;
}

const POLL_MS = 5;
const POLL_SLOW_MS = 50;
const POLL_FAST_COUNT = 200;
const NOTICE_EVERY_MS = 2_000;
const FAST_STOP_MS = 30_000;
const IMMEDIATE_STOP_MS = 10_000;
const KILL_MS = 5_000;
/** A process that was killed has lost its command line before its socket is closed; a busy machine may stop it there. */
const DYING_MS = 1_000;

/** The fields of postmaster.pid's text; undefined while it is being written. */
export function parsePidFile(text: string): PidFile | undefined {
  const lines = text.split('\n');
  // A standalone backend writes its id with a minus.
  const pid = Math.abs(Number(lines[0]));
  if (!Number.isSafeInteger(pid) || pid === 0) return undefined;
  const status = lines[7]?.trim();
  const known = status === 'starting' || status === 'stopping' || status === 'ready';
  return { pid, status: known ? status : 'unknown' };
}

async function readPidFile(placement: Placement): Promise<PidFile | undefined> {
  const text = await readFile(join(placement.cluster, 'postmaster.pid'), 'utf8').catch(() => '');
  return parsePidFile(text);
}

/**
 * Whether the process is a server of this very cluster: its command line names the folder. An id that another process
 * got since, and a zombie, are not. (/proc/<pid>/cwd would say it too, but root in a container may not read it.)
 */
async function servesCluster(pid: number, cluster: string): Promise<boolean> {
  if (!processExists(pid)) return false;
  if (process.platform === 'win32') return true;
  if (process.platform === 'linux') {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return command.split('\0').includes(cluster);
  }
  const listed = await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => undefined);
  return listed?.stdout.includes(cluster) ?? false;
}

/** The server that runs already, if one does. */
export async function findPostmaster(placement: Placement): Promise<Postmaster | undefined> {
  const file = await readPidFile(placement);
  if (file === undefined || !(await servesCluster(file.pid, placement.cluster))) return undefined;
  return { pid: file.pid, takenOver: true };
}

/**
 * PostgreSQL takes any live process of its user with the id in postmaster.pid for a server and refuses to start. When
 * that process is another program, the id is replaced by ours: a parent's id counts as stale, and the file's other
 * lines stay, by which PostgreSQL checks that no old backend still holds the shared memory.
 */
async function disownReusedPid(placement: Placement): Promise<void> {
  const path = join(placement.cluster, 'postmaster.pid');
  const text = await readFile(path, 'utf8').catch(() => undefined);
  const pid = text === undefined ? undefined : parsePidFile(text)?.pid;
  if (text === undefined || pid === undefined || !processExists(pid)) return;
  if (await servesCluster(pid, placement.cluster)) return;
  const file = await openToChange(path);
  try {
    await file.truncate();
    await file.writeFile([String(process.pid), ...text.split('\n').slice(1)].join('\n'));
  } finally {
    await file.close();
  }
}

/** Whether a server listens there. One in another container on the same volume is known by nothing else. */
function socketAnswers(placement: Placement): Promise<boolean> {
  if (process.platform === 'win32') return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = connect(join(placement.socketDirectory, SOCKET_FILE));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/**
 * Starts the server in a session of its own: a Ctrl-C in the terminal is ours to act on, not PostgreSQL's. One that
 * another process started in the meantime is returned instead.
 *
 * @throws DomainError `data_directory_in_use` by a server that is not of this machine's processes; `database_start_failed`
 */
export async function spawnPostmaster(placement: Placement, binaries: Binaries): Promise<Postmaster> {
  const inUseAt = performance.now() + DYING_MS;
  while (await socketAnswers(placement)) {
    const found = await findPostmaster(placement);
    if (found !== undefined) return found;
    if (performance.now() > inUseAt) {
      throw new DomainError('data_directory_in_use', {
        dataDirectory: placement.dataDirectory,
        pid: 'in another container',
      });
    }
    await wait(POLL_SLOW_MS);
  }
  await disownReusedPid(placement);
  const log = await openServerLog(placement.logFile);
  try {
    const child = spawn(binaries.postgres, ['-D', placement.cluster], {
      ...programOptions(binaries, placement.account),
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) => reject(startFailed(`${binaries.postgres} cannot be started`, cause)));
    });
    child.unref();
    if (child.pid === undefined) throw startFailed('PostgreSQL has no process id');
    return { pid: child.pid, takenOver: false };
  } finally {
    await log.close();
  }
}

export function startFailed(reason: string, cause?: unknown): DomainError {
  return new DomainError('database_start_failed', { reason }, { cause });
}

/**
 * Waits until the server takes connections; recovery after a crash may make that long.
 *
 * @param onSlow told every two seconds how many milliseconds it took so far
 * @returns 'ready', or 'ended' when the process ended first
 */
export async function waitUntilReady(
  placement: Placement,
  postmaster: Postmaster,
  onSlow: (waitedMs: number) => void,
): Promise<'ready' | 'ended'> {
  const begun = performance.now();
  let nextNotice = begun + NOTICE_EVERY_MS;
  for (let polls = 0; ; polls += 1) {
    const file = await readPidFile(placement);
    if (file?.pid === postmaster.pid && file.status === 'ready') return 'ready';
    if (!(await isRunning(placement, postmaster))) return 'ended';
    if (performance.now() > nextNotice) {
      onSlow(Math.round(performance.now() - begun));
      nextNotice += NOTICE_EVERY_MS;
    }
    await wait(polls < POLL_FAST_COUNT ? POLL_MS : POLL_SLOW_MS);
  }
}

/** Whether the server's main process still runs. */
export function isRunning(placement: Placement, postmaster: Postmaster): Promise<boolean> {
  return servesCluster(postmaster.pid, placement.cluster);
}

/**
 * Stops the server: at first it ends its sessions and writes everything out (fast), then at once (immediate; the next
 * start recovers), then it is killed. Does nothing when it has ended.
 */
export async function stopPostmaster(placement: Placement, postmaster: Postmaster): Promise<void> {
  const steps = [
    ['SIGINT', FAST_STOP_MS],
    ['SIGQUIT', IMMEDIATE_STOP_MS],
    ['SIGKILL', KILL_MS],
  ] as const;
  for (const [signal, patienceMs] of steps) {
    if (!(await isRunning(placement, postmaster))) return;
    signalProcess(postmaster.pid, signal);
    const deadline = performance.now() + patienceMs;
    while (performance.now() < deadline) {
      if (!(await isRunning(placement, postmaster))) return;
      await wait(POLL_MS);
    }
  }
  throw startFailed(`PostgreSQL (process ${postmaster.pid}) does not stop`);
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
