import { sql } from 'kysely';
import type { Executor, Transaction } from '../platform/database/index.ts';
import type { Vault } from '../platform/vault.ts';
import type { Channel, ChannelWithCounts } from './bank.ts';
import type { StatementSettings } from './statement-settings.ts';

interface ChannelRow extends Omit<Channel, 'numbers' | 'hasSecret'> {
  rulePrefix: string | null;
  ruleWidth: number | null;
  secretSealed: string | null;
}

/** A channel with what only the capability itself may see. */
export interface StoredChannel extends Channel {
  secretSealed: string | null;
}

const COLUMNS = sql`
  channel, main_account_name as "mainAccountName", main_account_bank as "mainAccountBank",
  main_account_no as "mainAccountNo", rule_prefix as "rulePrefix", rule_width as "ruleWidth",
  cool_down_days as "coolDownDays", enabled, sandbox, number_in_remittance as "numberInRemittance", statements,
  watch_folder as "watchFolder", secret_sealed as "secretSealed", consulted_at as "consultedAt",
  created_at as "createdAt", updated_at as "updatedAt"
`;

function toChannel({ rulePrefix, ruleWidth, ...row }: ChannelRow): StoredChannel {
  const numbers: Channel['numbers'] =
    rulePrefix === null || ruleWidth === null
      ? { kind: 'pool' }
      : { kind: 'rule', prefix: rulePrefix, width: ruleWidth };
  return { ...row, numbers, hasSecret: row.secretSealed !== null };
}

export async function findChannel(executor: Executor, channel: string): Promise<StoredChannel | undefined> {
  const { rows } = await sql<ChannelRow>`select ${COLUMNS} from bank_channel where channel = ${channel}`.execute(
    executor,
  );
  return rows[0] && toChannel(rows[0]);
}

/**
 * Locked until the transaction ends, so that two changes of one channel come one after the other. Not `for update`: rows
 * that refer to the channel can be written meanwhile.
 */
export async function lockChannel(tx: Transaction, channel: string): Promise<StoredChannel | undefined> {
  const { rows } = await sql<ChannelRow>`
    select ${COLUMNS} from bank_channel where channel = ${channel} for no key update
  `.execute(tx);
  return rows[0] && toChannel(rows[0]);
}

/** All channels; those that new flows may get a number from come first, real ones before the sandbox. */
export async function findChannels(executor: Executor): Promise<StoredChannel[]> {
  const { rows } = await sql<ChannelRow>`
    select ${COLUMNS} from bank_channel order by enabled desc, sandbox, created_at, channel
  `.execute(executor);
  return rows.map(toChannel);
}

export async function hasEnabledChannel(executor: Executor): Promise<boolean> {
  const { rows } = await sql`select 1 from bank_channel where enabled limit 1`.execute(executor);
  return rows.length > 0;
}

export type ChannelSettings = Omit<StoredChannel, 'hasSecret' | 'consultedAt' | 'createdAt' | 'updatedAt'>;

export async function writeChannel(tx: Transaction, settings: ChannelSettings, at: Date): Promise<StoredChannel> {
  const { numbers, statements } = settings;
  const prefix = numbers.kind === 'rule' ? numbers.prefix : null;
  const width = numbers.kind === 'rule' ? numbers.width : null;
  const { rows } = await sql<ChannelRow>`
    insert into bank_channel as present (
      channel, main_account_name, main_account_bank, main_account_no, rule_prefix, rule_width, cool_down_days, enabled,
      sandbox, number_in_remittance, statements, watch_folder, secret_sealed, created_at, updated_at
    ) values (
      ${settings.channel}, ${settings.mainAccountName}, ${settings.mainAccountBank}, ${settings.mainAccountNo},
      ${prefix}, ${width}, ${settings.coolDownDays}, ${settings.enabled}, ${settings.sandbox},
      ${settings.numberInRemittance}, ${statements === null ? null : JSON.stringify(statements)}::jsonb,
      ${settings.watchFolder}, ${settings.secretSealed}, ${at}, ${at}
    )
    on conflict (channel) do update set
      main_account_name = excluded.main_account_name, main_account_bank = excluded.main_account_bank,
      main_account_no = excluded.main_account_no,
      rule_next = case when (present.rule_prefix, present.rule_width)
                       is not distinct from (excluded.rule_prefix, excluded.rule_width) then present.rule_next else 1 end,
      rule_prefix = excluded.rule_prefix, rule_width = excluded.rule_width,
      cool_down_days = excluded.cool_down_days, enabled = excluded.enabled, sandbox = excluded.sandbox,
      number_in_remittance = excluded.number_in_remittance, statements = excluded.statements,
      watch_folder = excluded.watch_folder, secret_sealed = excluded.secret_sealed, updated_at = excluded.updated_at
    returning ${COLUMNS}
  `.execute(tx);
  const [row] = rows;
  if (row === undefined) throw new Error('the channel was not written');
  return toChannel(row);
}

export async function countSubAccounts(
  executor: Executor,
  channel: string,
  now: Date,
): Promise<ChannelWithCounts['subAccounts']> {
  const { rows } = await sql<ChannelWithCounts['subAccounts']>`
    select count(*) filter (where app_id is null and reusable_at is null) as unused,
           count(*) filter (where app_id is not null) as "inUse",
           count(*) filter (where app_id is null and reusable_at > ${now}) as "coolingDown",
           count(*) filter (where app_id is null and reusable_at <= ${now}) as reusable
    from bank_sub_account where channel = ${channel}
  `.execute(executor);
  return rows[0] ?? { unused: 0, inUse: 0, coolingDown: 0, reusable: 0 };
}

/** A statement that covers the time before `at` was read to its end. */
export async function markConsulted(tx: Transaction, channel: string, at: Date): Promise<void> {
  await sql`
    update bank_channel set consulted_at = greatest(consulted_at, ${at}::timestamptz) where channel = ${channel}
  `.execute(tx);
}

export async function wasConsultedSince(executor: Executor, channel: string, since: Date): Promise<boolean> {
  const { rows } = await sql`
    select 1 from bank_channel where channel = ${channel} and consulted_at >= ${since}
  `.execute(executor);
  return rows.length > 0;
}

const secretContext = (channel: string): string => `bank_channel:${channel}:secret`;

export function sealChannelSecret(vault: Vault, channel: string, secret: string | null): string | null {
  return secret === null ? null : vault.seal(Buffer.from(secret, 'utf8'), secretContext(channel)).toString('base64');
}

/** The secret that signs a channel's notices, or null where it has none. */
export function openChannelSecret(vault: Vault, channel: StoredChannel): Buffer | null {
  const { secretSealed } = channel;
  return secretSealed === null ? null : vault.open(Buffer.from(secretSealed, 'base64'), secretContext(channel.channel));
}

export function mergedStatements(
  present: StatementSettings | null,
  given: Partial<StatementSettings>,
): StatementSettings | undefined {
  const format = given.format ?? present?.format;
  if (format === undefined) return undefined;
  const ofFormat = present?.format === format ? present : null;
  return {
    format,
    encoding: given.encoding ?? ofFormat?.encoding ?? 'auto',
    columns: given.columns ?? ofFormat?.columns ?? {},
    information: given.information ?? ofFormat?.information ?? 'untrusted',
  };
}
