import { fork } from 'node:child_process';
import { once } from 'node:events';

/** A part of a benchmark in a process of its own. */
export interface BenchProcess<Ready> extends AsyncDisposable {
  /** What it said of itself when it was ready. */
  readonly ready: Ready;
}

/** Starts a script that sends one message when it is ready and ends on SIGTERM. */
export async function startProcess<Ready>(script: URL, args: readonly string[]): Promise<BenchProcess<Ready>> {
  const child = fork(script, [...args], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = once(child, 'exit');
  const said = await Promise.race([once(child, 'message'), ended.then(() => null)]);
  if (said === null) throw new Error(`${script.pathname} ended before it was ready`);
  return {
    ready: said[0] as Ready,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
