import { sql } from 'kysely';
import type { Finding } from '../dialects/admin/index.ts';
import type { Executor } from '../platform/database/index.ts';

const NOTICE_DAYS = 14;
const NAMED_MAX = 5;

/** Certificates of destinations that have ended, or end soon: a client certificate of ours, an authority of theirs. */
export async function certificatesFinding(db: Executor): Promise<Finding> {
  const { rows } = await sql<{ name: string; ends: string }>`
    select case callee.app_id when '*' then '' else callee.app_id || '/' end || callee_no || ' (' || what || ')' as name,
           to_char((credentials -> what ->> 'notAfter')::timestamptz at time zone 'UTC', 'YYYY-MM-DD') as ends
    from callee cross join unnest(array['client', 'authority']) as what
    where credentials -> what is not null
      and (credentials -> what ->> 'notAfter')::timestamptz < now() + make_interval(days => ${NOTICE_DAYS})
    order by ends, name
  `.execute(db);
  const named = rows.slice(0, NAMED_MAX).map(({ name, ends }) => `${name} on ${ends}`);
  const more = rows.length > NAMED_MAX ? ` and ${rows.length - NAMED_MAX} more` : '';
  return {
    name: 'certificates of destinations',
    ok: rows.length === 0,
    detail:
      rows.length === 0
        ? `none ends within ${NOTICE_DAYS} days`
        : `these end, or have ended: ${named.join(', ')}${more}; give new ones with \`yinxin callee set\``,
  };
}
