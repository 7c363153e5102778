import { sql } from 'kysely';
import type { Finding } from '../dialects/admin/index.ts';
import type { Config } from '../platform/config.ts';
import type { OpenDatabase } from '../platform/database/index.ts';
import type { Signing } from '../signing/index.ts';
import { authoritiesFinding } from './authorities.ts';
import { certificatesFinding } from './certificates.ts';
import { signatureLevelFinding } from './long-term.ts';
import { messagesFinding } from './messages.ts';
import { stalledFlowsFinding } from './stalled-flows.ts';

const OLDEST_DUE_SECONDS_MAX = 300;

/** What the running service finds of itself, for `yinxin doctor`. */
export async function examineService(
  config: Config,
  url: string,
  database: OpenDatabase,
  signing: Pick<Signing, 'countStalled'>,
): Promise<Finding[]> {
  const service = { name: 'service', ok: true, detail: `${url}, process ${process.pid}, node ${config.nodeName}` };
  try {
    return [
      service,
      ...(await databaseFindings(config, database)),
      await stalledFlowsFinding(signing),
      egressFinding(config),
    ];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [service, { name: 'database', ok: false, detail: `does not answer: ${reason}` }, egressFinding(config)];
  }
}

async function databaseFindings(config: Config, database: OpenDatabase): Promise<Finding[]> {
  const { rows } = await sql<{ version: string; encoding: string; fsync: string; applied: number; megabytes: number }>`
    select current_setting('server_version') as version, current_setting('server_encoding') as encoding,
           current_setting('fsync') as fsync, (select count(*) from schema_migration) as applied,
           pg_database_size(current_database()) / 1048576 as megabytes
  `.execute(database.db);
  const [found] = rows;
  if (found === undefined) throw new Error('the database answered nothing');
  const kind = config.databaseUrl === null ? 'embedded PostgreSQL' : 'PostgreSQL of DATABASE_URL';
  return [
    {
      name: 'database',
      ok: found.encoding === 'UTF8',
      detail: `${kind} ${found.version}, ${found.encoding}, ${found.megabytes} MB`,
    },
    { name: 'durability', ok: found.fsync === 'on', detail: `fsync ${found.fsync}` },
    { name: 'schema', ok: true, detail: `${found.applied} migrations applied` },
    await deliveriesFinding(database),
    await certificatesFinding(database.db),
    await authoritiesFinding(database.db),
    await signatureLevelFinding(config, database.db),
    await messagesFinding(config, database.db),
  ];
}

function egressFinding({ egressAllowCidrs }: Config): Finding {
  const also = egressAllowCidrs.length === 0 ? ' only' : ` and ${egressAllowCidrs.join(', ')}`;
  return { name: 'outgoing requests', ok: true, detail: `public addresses${also}` };
}

async function deliveriesFinding({ db }: OpenDatabase): Promise<Finding> {
  const { rows } = await sql<{ waiting: number; overdue: number }>`
    select count(*) as waiting, coalesce(max(extract(epoch from now() - due_at)), 0)::float8 as overdue
    from delivery_queue
  `.execute(db);
  const { waiting = 0, overdue = 0 } = rows[0] ?? {};
  return {
    name: 'deliveries',
    ok: overdue <= OLDEST_DUE_SECONDS_MAX,
    detail: `${waiting} on their way, the oldest ${Math.max(0, Math.round(overdue))} s overdue`,
  };
}
