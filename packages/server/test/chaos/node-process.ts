import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { ADMIN_TOKEN_FILE } from '../../src/platform/data-directory.ts';

/** What a node is told, at its start and while it runs. */
export type NodeCommand =
  /** Its wall clock is off by so much. */
  | { readonly kind: 'clock'; readonly offsetMs: number }
  /** The name has this address now. */
  | { readonly kind: 'name'; readonly name: string; readonly address: string };

/** What a node says when it takes requests. */
export interface NodeReport {
  readonly url: string;
}

export interface NodeOptions {
  readonly name: string;
  readonly dataDir: string;
  readonly environment: Readonly<Record<string, string>>;
}

const START_TRIES = 40;
const START_RETRY_MS = 250;
const STOP_MS = 20_000;
const LOG_CHARACTERS_MAX = 20_000;

/** One node of the service under its name: it may be killed and started any number of times. */
export class ChaosNode {
  readonly name: string;
  readonly #options: NodeOptions;
  /** The clock, and each name, as last told. */
  readonly #told = new Map<string, NodeCommand>();
  #child: ChildProcess | null = null;
  #url: string | null = null;
  #log = '';
  /** Starts and ends of one node happen one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: NodeOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Null while it is down. */
  get url(): string | null {
    return this.#url;
  }

  /** The end of what it has logged. */
  get log(): string {
    return this.#log;
  }

  tell(command: NodeCommand): void {
    this.#told.set(command.kind === 'clock' ? 'clock' : command.name, command);
    // One that is dying hears no more; the next start is told.
    if (this.#child?.connected === true) this.#child.send(command, () => undefined);
  }

  /** Tries again while it cannot start, as a supervisor would: the database may be down. */
  start(): Promise<void> {
    return this.#inTurn(async () => {
      for (let tries = 1; this.#url === null; tries += 1) {
        if (await this.#tryStart()) return;
        if (tries >= START_TRIES) throw new Error(`${this.name} does not start:\n${this.#log.slice(-2_000)}`);
        await wait(START_RETRY_MS);
      }
    });
  }

  /** SIGKILL. */
  kill(): Promise<void> {
    return this.#inTurn(() => this.#end('SIGKILL'));
  }

  /** SIGTERM, and SIGKILL when it does not end. */
  stop(): Promise<void> {
    return this.#inTurn(() => this.#end('SIGTERM'));
  }

  /** `Bearer …` for its admin API. */
  async adminAuthorization(): Promise<string> {
    return `Bearer ${(await readFile(join(this.#options.dataDir, ADMIN_TOKEN_FILE), 'utf8')).trim()}`;
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const before = this.#turn;
    const turn = Promise.withResolvers<void>();
    this.#turn = turn.promise;
    await before;
    try {
      await work();
    } finally {
      turn.resolve();
    }
  }

  async #tryStart(): Promise<boolean> {
    const script = new URL('node.ts', import.meta.url);
    const { environment, dataDir, name } = this.#options;
    const child = fork(script, [JSON.stringify([...this.#told.values()])], {
      execArgv: [],
      env: { ...environment, YINXIN_DATA_DIR: dataDir, YINXIN_PORT: '0', YINXIN_NODE_NAME: name },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const output of [child.stdout, child.stderr]) {
      output?.on('data', (chunk: Buffer) => {
        this.#log = (this.#log + chunk.toString()).slice(-LOG_CHARACTERS_MAX);
      });
    }
    child.on('error', () => undefined);
    this.#child = child;
    // One that ends by itself is down like one that was killed.
    child.once('exit', () => {
      if (this.#child !== child) return;
      this.#child = null;
      this.#url = null;
    });
    const said = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => null)]);
    if (said === null) return false;
    this.#url = (said[0] as NodeReport).url;
    // What it was told while it started.
    for (const command of this.#told.values()) child.send(command, () => undefined);
    return true;
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.#url = null;
    const ended = once(child, 'exit');
    child.kill(signal);
    const giveUp = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(giveUp);
  }
}
