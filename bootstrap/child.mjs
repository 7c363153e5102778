import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** @typedef {{ code: number | null, signal: NodeJS.Signals | null, received: NodeJS.Signals | null }} ChildEnd */

const orphanPollMs = 500;

/**
 * `kill` of an `npm start` reaches npm and the shell between npm and us, but never us: when that shell
 * is gone we are to end as well, or a service nobody knows of keeps the port.
 * @param {() => void} onOrphaned
 */
function watchForOrphaning(onOrphaned) {
  if (process.env['npm_lifecycle_event'] === undefined) return () => {};
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onOrphaned();
  }, orphanPollMs);
  return () => clearInterval(timer);
}

/** Signals a terminal sends to every process of its foreground group. */
const terminalSignals = /** @type {const} */ (['SIGINT', 'SIGQUIT', 'SIGHUP']);

/**
 * Whether this process belongs to the foreground group of a terminal, from the text of
 * `/proc/self/stat` (proc(5): after the command in brackets come state, ppid, pgrp, session, tty_nr, tpgid).
 * @param {string} stat
 */
export function isForegroundGroup(stat) {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[2] !== undefined && fields[2] === fields[5];
}

function terminalReachesChild() {
  if (process.platform === 'win32') return true;
  try {
    return isForegroundGroup(readFileSync('/proc/self/stat', 'latin1'));
  } catch {
    // No /proc (macOS): a terminal on any of the three streams is the best sign there is.
    return process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  }
}

/**
 * Runs a child in this process's own group and waits for its end.
 *
 * Each signal reaches the child once: what the terminal has already sent to the whole group is not
 * sent again (npm also forwards Ctrl-C, so forwarding would make it two or three), what came to this
 * process alone is forwarded.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions & { onStart?: (pid: number) => void }} options
 * @returns {Promise<ChildEnd & { output: string }>} `output` is what the child wrote to piped streams
 */
export function runChild(command, args, { onStart, ...options }) {
  return new Promise((resolve, reject) => {
    /** @type {NodeJS.Signals | null} */
    let received = null;
    let output = '';
    const child = spawn(command, args, { stdio: 'inherit', ...options });
    if (child.pid !== undefined) onStart?.(child.pid);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (/** @type {string} */ text) => (output += text));
    }

    /** @param {NodeJS.Signals} signal */
    const fromTerminal = (signal) => {
      received = signal;
      if (!terminalReachesChild()) child.kill(signal);
    };
    /** @param {NodeJS.Signals} signal */
    const fromOutside = (signal) => {
      if (received !== signal) child.kill(signal);
      received = signal;
    };
    for (const signal of terminalSignals) process.on(signal, fromTerminal);
    process.on('SIGTERM', fromOutside);
    const stopWatching = watchForOrphaning(() => fromOutside('SIGTERM'));
    const stopListening = () => {
      for (const signal of terminalSignals) process.off(signal, fromTerminal);
      process.off('SIGTERM', fromOutside);
      stopWatching();
    };

    child.once('error', (error) => {
      stopListening();
      reject(error);
    });
    child.once('close', (code, signal) => {
      stopListening();
      resolve({ code, signal, received, output });
    });
  });
}

/**
 * Ends this process the way the child ended: by the same signal, or with the same code.
 * @param {Pick<ChildEnd, 'code' | 'signal'>} end
 */
export function endLike({ code, signal }) {
  if (signal === null) {
    process.exitCode = code ?? 1;
    return;
  }
  // Nothing listens to the signal any more, so this ends the process as the system's default does.
  process.kill(process.pid, signal);
  process.exitCode = 1;
}
