import { sql } from 'kysely';
import type { Finding } from '../dialects/admin/index.ts';
import type { Config } from '../platform/config.ts';
import type { Executor } from '../platform/database/index.ts';

const LATE_MINUTES = 5;
const FAILED_HOURS = 24;

/** How links and codes reach signers, and whether they do. */
export async function messagesFinding({ messages }: Pick<Config, 'messages'>, db: Executor): Promise<Finding> {
  const { rows } = await sql<{ late: number; failed: number }>`
    select (select count(*) from message
            where state = 'waiting' and created_at < now() - make_interval(mins => ${LATE_MINUTES})) as late,
           (select count(*) from message
            where state = 'failed' and ended_at > now() - make_interval(hours => ${FAILED_HOURS})) as failed
  `.execute(db);
  const { late = 0, failed = 0 } = rows[0] ?? {};
  const way =
    messages.adapter === 'log'
      ? 'into the log, for development: nobody is written to (YINXIN_MESSAGE_ADAPTER)'
      : `by ${messages.adapter}`;
  return {
    name: 'messages',
    ok: late === 0 && failed === 0,
    detail: `${way}; ${late} wait for more than ${LATE_MINUTES} minutes, ${failed} failed within ${FAILED_HOURS} hours`,
  };
}
