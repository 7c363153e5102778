import { setTimeout as wait } from 'node:timers/promises';

import { Client } from 'pg';
import type { ClientConfig } from 'pg';

import { DomainError } from '../errors.ts';
import { processExists } from './cluster.ts';

/** The advisory lock of the process that the server serves. The number means nothing; it must only stay the same. */
const OWNER_LOCK = 8_046_110_717;
const OWNER_NAME = 'yinxin owner ';

const RETRY_MS = 20;
/** How long the session of an owner that was killed may take to notice; and of one whose id another program has. */
const DEAD_OWNER_PATIENCE_MS = 10_000;
const LIVE_OWNER_PATIENCE_MS = 300;

/** The server does not take connections for now: it starts, stops or recovers (SQLSTATE 57P03), or has no socket. */
const NOT_NOW = new Set(['57P03', 'ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EPIPE']);

/**
 * A session that owns the server by holding an advisory lock: it ends with its process, however that ends, and its
 * own end tells at once that the server is gone.
 */
export interface Ownership {
  readonly client: Client;
  /** Settles when the session ends, for whatever reason. */
  readonly ended: Promise<void>;
}

/**
 * Connects and takes the lock.
 *
 * @param mayRetry asked before every further try to connect; false when the server's process is gone
 * @returns undefined when the server is gone
 * @throws DomainError `data_directory_in_use` with the owner's process id
 */
export async function takeOwnership(
  config: ClientConfig,
  dataDirectory: string,
  mayRetry: () => Promise<boolean>,
): Promise<Ownership | undefined> {
  const client = await connect(config, mayRetry);
  if (client === undefined) return undefined;
  const ended = new Promise<void>((resolve) => client.once('end', resolve));
  const begun = performance.now();
  try {
    for (;;) {
      const locked = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [OWNER_LOCK]);
      if (locked.rows[0]?.locked === true) return { client, ended };
      const owner = await readOwner(client);
      const waitedMs = performance.now() - begun;
      if (owner !== undefined && waitedMs > (processExists(owner) ? LIVE_OWNER_PATIENCE_MS : DEAD_OWNER_PATIENCE_MS)) {
        throw new DomainError('data_directory_in_use', { dataDirectory, pid: String(owner) });
      }
      await wait(RETRY_MS);
    }
  } catch (error) {
    await client.end().catch(() => undefined);
    if (error instanceof DomainError || (await mayRetry())) throw error;
    return undefined;
  }
}

async function connect(config: ClientConfig, mayRetry: () => Promise<boolean>): Promise<Client | undefined> {
  for (;;) {
    const client = new Client({ ...config, application_name: `${OWNER_NAME}${process.pid}` });
    // The end of the session is heard by 'end'; without a listener the error before it would end the process.
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      if (typeof code === 'string' && !NOT_NOW.has(code)) throw error;
      if (!(await mayRetry())) return undefined;
    }
    await wait(RETRY_MS);
  }
}

async function readOwner(client: Client): Promise<number | undefined> {
  const found = await client.query<{ application_name: string }>(
    `select activity.application_name
       from pg_locks as lock join pg_stat_activity as activity using (pid)
      where lock.locktype = 'advisory' and lock.granted and lock.objsubid = 1
        and (lock.classid::bigint << 32) + lock.objid::bigint = $1`,
    [OWNER_LOCK],
  );
  const name = found.rows[0]?.application_name;
  return name?.startsWith(OWNER_NAME) === true ? Number(name.slice(OWNER_NAME.length)) : undefined;
}
