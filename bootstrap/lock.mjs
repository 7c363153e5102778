import { mkdirSync, readFileSync, rmdirSync, statSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

const heartbeatMs = 5_000;
const pollMs = 200;
/** An owner on this machine is judged by its process; the age is only for a process number used again. */
const silentOwnerMs = 600_000;
/** An owner elsewhere (a shared folder, another container) can be judged by its heartbeat alone. */
const silentStrangerMs = 60_000;
/** The file is created and filled in two steps; an empty one this old was left by a killed creator. */
const emptyMs = 10_000;
const breakingMs = 30_000;

/** @typedef {{ host: string, pids: number[] }} Owner */

/**
 * Whether a lock's owner is gone.
 * @param {{ owner: Owner | null, ageMs: number }} lock `ageMs` since the last heartbeat
 * @param {{ host: string, isAlive: (pid: number) => boolean }} machine
 */
export function isStale({ owner, ageMs }, machine) {
  if (owner === null) return ageMs > emptyMs;
  if (owner.host !== machine.host) return ageMs > silentStrangerMs;
  return ageMs > silentOwnerMs || !owner.pids.some((pid) => machine.isAlive(pid));
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to another user.
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/**
 * @param {string} path
 * @returns {{ owner: Owner | null, ageMs: number } | null} null when nobody holds the lock
 */
function readLock(path) {
  try {
    const ageMs = Date.now() - statSync(path).mtimeMs;
    const text = readFileSync(path, 'utf8');
    return { owner: text === '' ? null : JSON.parse(text), ageMs };
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return null;
    throw error;
  }
}

/** @param {string} path */
function holderIsGone(path) {
  const lock = readLock(path);
  return lock !== null && isStale(lock, { host: hostname(), isAlive });
}

/** Removes a stale lock. Only one process at a time may, or the second would remove the first one's new lock. */
function breakStale(/** @type {string} */ path) {
  const breaking = `${path}.breaking`;
  try {
    mkdirSync(breaking);
  } catch {
    const since = statSync(breaking, { throwIfNoEntry: false })?.mtimeMs;
    if (since !== undefined && Date.now() - since > breakingMs) rmdirSync(breaking);
    return;
  }
  try {
    if (holderIsGone(path)) unlinkSync(path);
  } finally {
    rmdirSync(breaking);
  }
}

/** @param {string} path @param {Owner} owner */
function tryAcquire(path, owner) {
  try {
    writeFileSync(path, JSON.stringify(owner), { flag: 'wx' });
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Runs `body` while this process alone holds the lock file. The lock of a killed owner is taken over;
 * it counts as held while a child the owner named with `noteChild` still runs (npm, orphaned).
 * @template T
 * @param {string} path
 * @param {{ onWait: () => void }} events `onWait` is called once when another holds the lock
 * @param {(noteChild: (pid: number) => void) => Promise<T>} body
 * @returns {Promise<T>}
 */
export async function withLock(path, events, body) {
  /** @type {Owner} */
  const owner = { host: hostname(), pids: [process.pid] };
  let waited = false;
  while (!tryAcquire(path, owner)) {
    if (holderIsGone(path)) {
      breakStale(path);
    } else {
      if (!waited) events.onWait();
      waited = true;
      await delay(pollMs);
    }
  }
  const heartbeat = setInterval(() => utimesSync(path, new Date(), new Date()), heartbeatMs);
  try {
    return await body((pid) => {
      owner.pids.push(pid);
      writeFileSync(path, JSON.stringify(owner));
    });
  } finally {
    clearInterval(heartbeat);
    unlinkSync(path);
  }
}
