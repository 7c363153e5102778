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
