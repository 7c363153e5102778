import { fork } from 'node:child_process';
import { once } from 'node:events';

/** A part of a benchmark in a process of its own. */
export interface BenchProcess<Ready> extends AsyncDisposable {
  /** What it said of itself when it was ready. */
  readonly ready: Ready;
  readonly pid: number;
  /** Sends it a question and waits for the answer; one question at a time. */
  ask(question: object): Promise<unknown>;
  /** Microseconds of processor time that it has spent since its start. */
  cpuMicros(): Promise<number>;
}

export interface ProcessOptions {
  /** Options of Node.js itself, such as `--cpu-prof`. */
  readonly nodeOptions?: readonly string[];
}

/** In the process itself: answers `cpuMicros`. */
export function answerCpu(): void {
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.(user + system);
  });
}

/** In the process itself: answers each question by what `answer` makes of it. */
export function answerQuestions(answer: (question: unknown) => unknown): void {
  process.on('message', (question) => {
    void (async () => process.send?.((await answer(question)) ?? null))();
  });
}

/** In the process itself: settles when it is to end, which it is too when whoever started it is gone. */
export async function untilStopped(): Promise<void> {
  // Ctrl-C reaches the whole group; whoever started this process ends it in order.
  process.on('SIGINT', () => undefined);
  await Promise.race([once(process, 'SIGTERM'), once(process, 'disconnect')]);
  if (process.connected) process.disconnect();
}

/** Starts a script that sends one message when it is ready and ends on SIGTERM. */
export async function startProcess<Ready>(
  script: URL,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<BenchProcess<Ready>> {
  const child = fork(script, [...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [...(options.nodeOptions ?? [])],
  });
  const ended = once(child, 'exit');
  const orEnd = async (message: Promise<unknown[]>): Promise<unknown> => {
    const said = await Promise.race([message, ended.then(() => null)]);
    if (said === null) throw new Error(`${script.pathname} ended before it answered`);
    return said[0];
  };
  const ready = (await orEnd(once(child, 'message'))) as Ready;
  const ask = async (question: object | string): Promise<unknown> => {
    const answer = once(child, 'message');
    child.send(question);
    return orEnd(answer);
  };
  return {
    ready,
    pid: child.pid ?? 0,
    ask,
    cpuMicros: async () => Number(await ask('cpu')),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
