import { sql } from 'kysely';
import type { Executor, Transaction } from '../platform/database/index.ts';
import type { Vault } from '../platform/vault.ts';
import { SHARED_CALLEES, type Callee, type CalleeDraft } from './callee.ts';
import { DESTINATION_JSON, type Destination } from './destination.ts';
import type { RelayTables } from './tables.ts';

const COLUMNS = [
  'app_id as appId',
  'callee_no as calleeNo',
  'url',
  'profile',
  'sign_type as signType',
  'enabled',
  'acknowledge_rule as acknowledge',
  'delays_ms as delaysMs',
  'created_at as createdAt',
  'updated_at as updatedAt',
] as const;

const hasOwnSecret = sql<boolean>`webhook_secret_sealed is not null`.as('hasOwnSecret');

/** A destination as an application names it. */
export interface DestinationName {
  readonly appId: string;
  readonly calleeNo: string;
}

/**
 * The destinations that applications mean by their numbers, in the order of `names`, in one statement: an application's
 * own, else the one the operator set for all, else null.
 */
export async function findDestinations(
  db: Executor,
  names: readonly DestinationName[],
): Promise<(Destination | null)[]> {
  const { rows } = await sql<{ position: number; destination: Destination }>`
    select distinct on (name.position) name.position::integer as position,
           json_build_object(${sql.raw(DESTINATION_JSON)}) as destination
    from unnest(${names.map((name) => name.appId)}::text[], ${names.map((name) => name.calleeNo)}::text[])
         with ordinality as name (app_id, callee_no, position)
    join callee on callee.callee_no = name.callee_no and callee.app_id in (name.app_id, ${SHARED_CALLEES})
    order by name.position, callee.app_id = ${SHARED_CALLEES}
  `.execute(db);
  const found = new Map(rows.map(({ position, destination }) => [position, destination]));
  return names.map((_name, index) => found.get(index + 1) ?? null);
}

export async function findCallee(db: Executor, appId: string, calleeNo: string): Promise<Callee | null> {
  const row = await db
    .withTables<RelayTables>()
    .selectFrom('callee')
    .select([...COLUMNS, hasOwnSecret])
    .where('app_id', '=', appId)
    .where('callee_no', '=', calleeNo)
    .executeTakeFirst();
  return row ?? null;
}

export async function findCallees(db: Executor, appId?: string): Promise<Callee[]> {
  const all = db
    .withTables<RelayTables>()
    .selectFrom('callee')
    .select([...COLUMNS, hasOwnSecret])
    .orderBy('app_id')
    .orderBy('callee_no');
  return (appId === undefined ? all : all.where('app_id', '=', appId)).execute();
}

/** Writes a callee as drafted. A `webhookSecret` of undefined leaves the stored one. */
export async function writeCallee(
  tx: Transaction,
  vault: Vault,
  callee: { appId: string; calleeNo: string; draft: CalleeDraft; at: Date },
): Promise<Callee> {
  const { appId, calleeNo, draft, at } = callee;
  const settings = {
    url: draft.url,
    profile: draft.profile,
    sign_type: draft.signType,
    enabled: draft.enabled,
    acknowledge_rule: draft.acknowledge === null ? null : JSON.stringify(draft.acknowledge),
    delays_ms: draft.delaysMs === null ? null : [...draft.delaysMs],
    updated_at: at,
    ...(draft.webhookSecret === undefined
      ? {}
      : { webhook_secret_sealed: sealCalleeSecret(vault, appId, calleeNo, draft.webhookSecret) }),
  };
  return tx
    .withTables<RelayTables>()
    .insertInto('callee')
    .values({ app_id: appId, callee_no: calleeNo, created_at: at, webhook_secret_sealed: null, ...settings })
    .onConflict((conflict) => conflict.columns(['app_id', 'callee_no']).doUpdateSet(settings))
    .returning([...COLUMNS, hasOwnSecret])
    .executeTakeFirstOrThrow();
}

function secretContext(appId: string, calleeNo: string): string {
  return `callee:${appId}:${calleeNo}:webhook_secret`;
}

function sealCalleeSecret(vault: Vault, appId: string, calleeNo: string, secret: string | null): string | null {
  if (secret === null) return null;
  return vault.seal(Buffer.from(secret, 'utf8'), secretContext(appId, calleeNo)).toString('base64');
}

/** A destination's own webhook secret, or null where it has none. */
export function openCalleeSecret(vault: Vault, destination: Destination): string | null {
  const { appId, calleeNo, webhookSecretSealed } = destination;
  if (webhookSecretSealed === null) return null;
  return vault.open(Buffer.from(webhookSecretSealed, 'base64'), secretContext(appId, calleeNo)).toString('utf8');
}
