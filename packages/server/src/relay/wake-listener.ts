import { Client } from 'pg';
import type { Logger } from '../platform/log.ts';
import { WAKE_CHANNEL } from './store.ts';

const RECONNECT_MS = 1_000;

/**
 * Hears NOTIFY on a connection of its own and calls `wake`. A lost connection is opened again; what was missed meanwhile
 * the slow poll finds.
 */
export class WakeListener {
  readonly #connectionString: string;
  readonly #log: Logger;
  readonly #wake: (lane?: string) => void;
  #client: Client | null = null;
  #reconnect: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(options: { connectionString: string; log: Logger; wake: (lane?: string) => void }) {
    this.#connectionString = options.connectionString;
    this.#log = options.log;
    this.#wake = options.wake;
  }

  async start(): Promise<void> {
    const client = new Client({
      connectionString: this.#connectionString,
      application_name: 'yinxin relay listener',
      keepAlive: true,
    });
    let lost = false;
    const onLoss = (error?: Error): void => {
      if (lost || this.#stopped) return;
      lost = true;
      this.#log.warn({ err: error }, 'the connection that hears of new deliveries is lost; polling goes on');
      void endQuietly(client);
      this.#reconnect = setTimeout(() => void this.start(), RECONNECT_MS);
    };
    client.on('error', onLoss);
    client.on('end', () => onLoss());
    client.on('notification', ({ payload }) => this.#wake(payload === '' ? undefined : payload));
    this.#client = client;
    try {
      await client.connect();
      await client.query(`listen ${WAKE_CHANNEL}`);
      this.#wake();
    } catch (error) {
      onLoss(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#reconnect !== null) clearTimeout(this.#reconnect);
    if (this.#client !== null) await endQuietly(this.#client);
  }
}

/** A connection that is lost already may fail to end; there is nothing left to do about it. */
async function endQuietly(client: Client): Promise<void> {
  try {
    await client.end();
  } catch {
    // As said above.
  }
}
