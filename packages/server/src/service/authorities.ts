import { sql } from 'kysely';
import type { Finding } from '../dialects/admin/index.ts';
import type { Executor } from '../platform/database/index.ts';

const NOTICE_DAYS = 30;

interface Found {
  root_key: boolean | null;
  issuing: boolean;
  issuing_ends: string | null;
  list_ends: string | null;
  imported: string | null;
}

/**
 * Whether the built-in authority can go on: its issuing authority lasts, where the root's key is away its list lasts, and
 * no company's certificate of another authority ends soon.
 */
export async function authoritiesFinding(db: Executor): Promise<Finding> {
  const { rows } = await sql<Found>`
    with soon as (select now() + make_interval(days => ${NOTICE_DAYS}) as at)
    select (select private_key_sealed is not null from certificate_authority where issuer_id is null) as root_key,
           exists(select 1 from certificate_authority where issuer_id is not null) as issuing,
           (select to_char(not_after at time zone 'UTC', 'YYYY-MM-DD') from certificate_authority, soon
            where issuer_id is not null and superseded_at is null and not_after < soon.at) as issuing_ends,
           (select to_char(next_update at time zone 'UTC', 'YYYY-MM-DD')
            from revocation_list join certificate_authority using (authority_id), soon
            where issuer_id is null and private_key_sealed is null and next_update < soon.at) as list_ends,
           (select string_agg(holder_name || ' on ' || to_char(not_after at time zone 'UTC', 'YYYY-MM-DD'), ', '
                              order by not_after)
            from certificate, soon
            where authority_id is null and superseded_at is null and not_after < soon.at) as imported
  `.execute(db);
  const [found] = rows;
  const name = 'signing certificates';
  if (found === undefined || found.root_key === null) return { name, ok: true, detail: 'none is issued yet' };
  const faults = [
    ...(found.root_key || found.issuing_ends === null
      ? []
      : [`the issuing authority ends on ${found.issuing_ends}: \`yinxin trust issuing renew\` with the root's file`]),
    ...(found.list_ends === null
      ? []
      : [`the root's list ends on ${found.list_ends}: \`yinxin trust root list\` with the root's file`]),
    ...(found.imported === null ? [] : [`imported certificates end, or have ended: ${found.imported}`]),
  ];
  const place = found.root_key ? 'in the service' : 'out of the service';
  const issuer = found.issuing ? '' : '; it issues certificates itself, until `yinxin trust root renew`';
  return {
    name,
    ok: faults.length === 0,
    detail: faults.length > 0 ? faults.join('; ') : `the root's key is ${place}${issuer}`,
  };
}
