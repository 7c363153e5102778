import type { Pool, PoolClient } from 'pg';

/** First half of the advisory locks by which nodes say that they live. It means nothing; it must stay the same. */
const PRESENCE_LOCKS = 1_481_526_093;
/** What was locked less long ago may be a node's that has not said that it lives. */
const LOCK_SECONDS_MIN = 10;

/** Whose workers live, so that what a killed process left behind is taken up by another node. */
export interface WorkerPresence {
  /** This node's workers begin, and lock jobs under this name; `keep` says that they live. */
  begun(name: string): void;
  /** Says that this node's workers live, and frees the jobs and queues of those that do not. */
  keep(): Promise<void>;
  stop(): void;
}

/**
 * A session of the database holds an advisory lock for each node's workers: it ends with its process, however that ends,
 * and its locks with it. graphile-worker itself waits four hours, in which a queue that a killed process was at does nothing: the
 * next one-time codes would stand in it. Where a line is lost while its process lives, a job may be done twice, which jobs
 * must bear anyhow.
 */
export function createWorkerPresence(pool: Pool): WorkerPresence {
  const names = new Set<string>();
  let session: { client: PoolClient; held: Set<string> } | undefined;

  async function open(): Promise<NonNullable<typeof session>> {
    const client = await pool.connect();
    const opened = { client, held: new Set<string>() };
    client.on('error', () => {
      if (session !== opened) return;
      session = undefined;
      client.release(true);
    });
    session = opened;
    return opened;
  }

  return {
    begun(name) {
      names.add(name);
    },
    async keep() {
      const { client, held } = session ?? (await open());
      for (const name of names) {
        if (held.has(name)) continue;
        const { rows } = await client.query<{ isHeld: boolean }>(
          'select pg_try_advisory_lock($1, hashtext($2)) as "isHeld"',
          [PRESENCE_LOCKS, name],
        );
        // Another node may be looking at it just now: the next call tries again.
        if (rows[0]?.isHeld === true) held.add(name);
      }
      // Another session than the one that holds our own locks: to that one they would seem to be free. Ours are left out
      // also where we could not say just now that we live.
      await pool.query(
        `with gone as (
           select locked_by from (
             select distinct locked_by from graphile_worker.jobs
             where locked_by <> all($3) and locked_at < now() - make_interval(secs => $2)
           ) held
           where pg_try_advisory_xact_lock($1, hashtext(locked_by))
         )
         select graphile_worker.force_unlock_workers(array_agg(locked_by)) from gone having count(*) > 0`,
        [PRESENCE_LOCKS, LOCK_SECONDS_MIN, [...names]],
      );
    },
    stop() {
      const ended = session;
      session = undefined;
      ended?.client.release(true);
    },
  };
}
