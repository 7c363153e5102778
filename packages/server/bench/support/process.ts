import { fork } from 'node:child_process';
import { once } from 'node:events';

/** A part of a benchmark in a process of its own. */
export interface BenchProcess<Ready> extends AsyncDisposable {
  /** What it said of itself when it was ready. */
  readonly ready: Ready;
  /** Microseconds of processor time that it has spent since its start. */
  cpuMicros(): Promise<number>;
}

/** In the process itself: answers `cpuMicros`. */
export function answerCpu(): void {
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.(user + system);
  });
}

/** Starts a script that sends one message when it is ready and ends on SIGTERM. */
export async function startProcess<Ready>(script: URL, args: readonly string[]): Promise<BenchProcess<Ready>> {
  const child = fork(script, [...args], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = once(child, 'exit');
  const said = await Promise.race([once(child, 'message'), ended.then(() => null)]);
  if (said === null) throw new Error(`${script.pathname} ended before it was ready`);
  return {
    ready: said[0] as Ready,
    async cpuMicros() {
      const answer = once(child, 'message');
      child.send('cpu');
      return Number((await answer)[0]);
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
