import { sql } from 'kysely';
import type { Executor, Transaction } from '../platform/database/index.ts';
import type { SubAccount, SubAccountNumbers, SubAccountOwner } from './bank.ts';

/** Numbers that a rule makes in one go: the channel's row is locked once for so many allocations. */
const NUMBERS_AT_ONCE = 200;

/** A number that a flow holds. */
export interface HeldSubAccount {
  subAccountNo: string;
  appId: string | null;
  flowId: string | null;
  allocatedAt: Date | null;
}

export async function findOwned(executor: Executor, owner: SubAccountOwner): Promise<SubAccount | undefined> {
  const { rows } = await sql<SubAccount>`
    select number.channel, number.sub_account_no as "subAccountNo", channel.main_account_name as "mainAccountName",
           channel.main_account_bank as "mainAccountBank", channel.main_account_no as "mainAccountNo"
    from bank_sub_account as number join bank_channel as channel on channel.channel = number.channel
    where number.app_id = ${owner.appId} and number.flow_id = ${owner.flowId}
  `.execute(executor);
  return rows[0];
}

/**
 * Gives a flow a number that nobody holds. Each of several transactions at once skips what another has locked, so none
 * waits and no two take the same. `unused`: numbers never used; else those whose cool-down ended, the longest ago first.
 */
export async function takeFree(
  tx: Transaction,
  take: { channel: string; kind: 'unused' | 'reusable'; owner: SubAccountOwner; at: Date },
): Promise<string | undefined> {
  const free = take.kind === 'unused' ? sql`reusable_at is null` : sql`reusable_at <= ${take.at}::timestamptz`;
  const { rows } = await sql<{ subAccountNo: string }>`
    update bank_sub_account
    set app_id = ${take.owner.appId}, flow_id = ${take.owner.flowId}, allocated_at = ${take.at}, released_at = null
    where (channel, sub_account_no) = (
      select channel, sub_account_no from bank_sub_account
      where channel = ${take.channel} and app_id is null and ${free}
      order by reusable_at nulls first, sub_account_no
      limit 1
      for update skip locked
    )
    returning sub_account_no as "subAccountNo"
  `.execute(tx);
  return rows[0]?.subAccountNo;
}

/**
 * Makes the next numbers of a channel's rule; answers how many are new. Whoever comes at the same time waits for this
 * transaction and then finds them. None beyond the rule's width.
 */
export async function makeNumbers(tx: Transaction, channel: string): Promise<number> {
  const { rows } = await sql<{ made: number }>`
    with taken as (
      update bank_channel set rule_next = least(rule_next + ${NUMBERS_AT_ONCE}, (10 ^ rule_width)::bigint)
      where channel = ${channel} and rule_width is not null and rule_next < (10 ^ rule_width)::bigint
      returning rule_prefix, rule_width, rule_next
    ), before as (
      select rule_next from bank_channel where channel = ${channel}
    ), made as (
      insert into bank_sub_account (channel, sub_account_no)
      select ${channel}, taken.rule_prefix || lpad(sequence::text, taken.rule_width, '0')
      from taken, before, generate_series(before.rule_next, taken.rule_next - 1) as sequence
      on conflict do nothing
      returning 1
    )
    select count(*) as made from made
  `.execute(tx);
  return rows[0]?.made ?? 0;
}

/** Adds numbers to a pool; answers how many are new. */
export async function addNumbers(tx: Transaction, channel: string, numbers: readonly string[]): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    insert into bank_sub_account (channel, sub_account_no)
    select ${channel}, unnest(${[...numbers]}::text[])
    on conflict do nothing
  `.execute(tx);
  return Number(numAffectedRows);
}

/** After a channel's numbering changed: what the former one made is not given out any more. */
export async function retireNumbers(tx: Transaction, channel: string, present: SubAccountNumbers): Promise<void> {
  const form = present.kind === 'rule' ? `^${present.prefix}\\d{${present.width}}$` : null;
  const former = form === null ? sql`true` : sql`sub_account_no !~ ${form}`;
  await sql`
    delete from bank_sub_account where channel = ${channel} and allocated_at is null and ${former}
  `.execute(tx);
  await sql`
    update bank_sub_account set reusable_at = 'infinity' where channel = ${channel} and app_id is null and ${former}
  `.execute(tx);
}

/** The flow's number goes into the cool-down of its channel. */
export async function release(tx: Transaction, owner: SubAccountOwner, at: Date): Promise<void> {
  await sql`
    update bank_sub_account as number
    set app_id = null, flow_id = null, released_at = ${at},
        reusable_at = ${at}::timestamptz + make_interval(days => channel.cool_down_days)
    from bank_channel as channel
    where number.app_id = ${owner.appId} and number.flow_id = ${owner.flowId} and channel.channel = number.channel
  `.execute(tx);
}

/** Which of these are numbers of the channel, and who holds them. */
export async function findNumbers(
  executor: Executor,
  channel: string,
  numbers: readonly string[],
): Promise<Map<string, HeldSubAccount>> {
  const { rows } = await sql<HeldSubAccount>`
    select sub_account_no as "subAccountNo", app_id as "appId", flow_id as "flowId", allocated_at as "allocatedAt"
    from bank_sub_account where channel = ${channel} and sub_account_no = any(${[...numbers]}::text[])
  `.execute(executor);
  return new Map(rows.map((row) => [row.subAccountNo, row]));
}
