/**
 * What stops a command before the program itself runs. The message is written for the person at the
 * terminal: what is wrong, then what to do. It is printed without a stack.
 */
export class BootstrapFault extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = 'BootstrapFault';
  }
}

/**
 * One line of progress. On stderr, because stdout belongs to the command (`--json` must stay pure).
 * @param {string} line
 */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/**
 * Seconds since a `performance.now()` reading, one decimal, with the unit.
 * @param {number} sinceMs
 */
export function secondsSince(sinceMs) {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}

/** @type {Record<string, string | undefined>} */
const systemAdvice = {
  EACCES:
    'This file is not yours to write: clone into a folder of your own, or let the owner of this one run the command.',
  EPERM:
    'This file is not yours to write: clone into a folder of your own, or let the owner of this one run the command.',
  EROFS: 'The file system is read-only: clone into a folder that can be written.',
  ENOSPC: 'The disk is full: make room, then run the command again.',
  EDQUOT: 'The disk quota is used up: make room, then run the command again.',
};

/**
 * What to tell the person at the terminal, or undefined for an error that nobody foresaw.
 * @param {unknown} error
 */
export function toldFault(error) {
  if (error instanceof BootstrapFault) return error.message;
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const advice = systemAdvice[String(error.code)];
  return advice === undefined ? undefined : `${error.message}\n${advice}`;
}
