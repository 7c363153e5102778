import type { Pool, PoolClient } from 'pg';

/** First half of the advisory locks by which nodes say that they live. It means nothing; it must stay the same. */
const PRESENCE_LOCKS = 1_481_526_093;
/** What was locked less long ago may be a node's that has not said that it lives. */
const LOCK_SECONDS_MIN = 10;
/** What lost us our session may have lost the others theirs: they have so many calls to come back before they count as gone. */
const CALLS_AFTER_LOSS = 3;

/** Whose workers live, so that what a killed process left behind is taken up by another node. */
export interface WorkerPresence {
  /** This node's workers begin, and lock jobs under this name; `keep` says that they live. */
  begun(name: string): void;
  /** Says that this node's workers live, and frees the jobs and queues of those that do not. */
  keep(): Promise<void>;
  stop(): void;
}

interface Session {
  readonly client: PoolClient;
  readonly held: Set<string>;
}

/**
 * A session of the database holds an advisory lock for each node's workers: it ends with its process, however that ends,
 * and its locks with it. graphile-worker itself waits four hours, in which a queue that a killed process was at does nothing: the
 * next one-time codes would stand in it.
 *
 * A session may end while its process lives. That node takes another at once, and who was seen to be gone is given the time
 * until the next call to do so. Where that is not enough, a job may be done twice, which jobs must bear anyhow.
 */
export function createWorkerPresence(pool: Pool): WorkerPresence {
  const names = new Set<string>();
  let session: Session | undefined;
  let opening: Promise<Session> | undefined;
  let isStopped = false;
  let callsToWait = 0;
  let goneBefore: readonly string[] = [];

  async function open(): Promise<Session> {
    const client = await pool.connect();
    const opened: Session = { client, held: new Set() };
    if (isStopped) client.release(true);
    client.on('error', () => {
      if (session !== opened) return;
      session = undefined;
      callsToWait = CALLS_AFTER_LOSS;
      client.release(true);
      // Where the database is away, the next call tries again.
      hold().catch(() => undefined);
    });
    if (!isStopped) session = opened;
    return opened;
  }

  async function hold(): Promise<void> {
    const { client, held } = session ?? (await (opening ??= open().finally(() => (opening = undefined))));
    for (const name of names) {
      if (held.has(name) || isStopped) continue;
      const { rows } = await client.query<{ isHeld: boolean }>(
        'select pg_try_advisory_lock($1, hashtext($2)) as "isHeld"',
        [PRESENCE_LOCKS, name],
      );
      // Another node may be looking at it just now: the next call tries again.
      if (rows[0]?.isHeld === true) held.add(name);
    }
  }

  return {
    begun(name) {
      names.add(name);
    },
    async keep() {
      await hold();
      if (callsToWait > 0) {
        callsToWait -= 1;
        return;
      }
      // Another session than the one that holds our own locks: to that one they would seem to be free. We live, whoever
      // holds them: a pooler between us and the database may hand out any session.
      const { rows } = await pool.query<{ name: string }>(
        `with gone as materialized (
           select locked_by from (
             select distinct locked_by from graphile_worker.jobs
             where locked_by <> all($3::text[]) and locked_at < now() - make_interval(secs => $2)
           ) held
           where pg_try_advisory_xact_lock($1, hashtext(locked_by))
         ), freed as materialized (
           select graphile_worker.force_unlock_workers(array_agg(locked_by)) from gone
           where locked_by = any($4::text[]) having count(*) > 0
         )
         select locked_by as name, (select count(*) from freed) from gone`,
        [PRESENCE_LOCKS, LOCK_SECONDS_MIN, [...names], goneBefore],
      );
      goneBefore = rows.map(({ name }) => name);
    },
    stop() {
      isStopped = true;
      const ended = session;
      session = undefined;
      ended?.client.release(true);
    },
  };
}
