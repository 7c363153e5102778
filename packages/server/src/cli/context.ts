import type { Environment } from '../platform/config.ts';

/** What the command line touches of the world; handed in so that tests can watch it. */
export interface CliContext {
  environment: Environment;
  cwd: string;
  out: (text: string) => void;
  err: (text: string) => void;
  /** Writes over the terminal's present line; an empty text clears it. Absent where nobody watches. */
  progress?: (text: string) => void;
}

/** A failure whose message is for the person at the terminal: no stack is shown. */
export class CliError extends Error {
  override readonly name = 'CliError';
}

/** Everything was said; what is left is the exit code. */
export class CliEnd extends Error {
  override readonly name = 'CliEnd';
  readonly exitCode: 1 | 2;

  constructor(exitCode: 1 | 2) {
    super(`exit code ${exitCode}`);
    this.exitCode = exitCode;
  }
}
