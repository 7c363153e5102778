import { sql } from 'kysely';
import type { Executor, Transaction } from '../platform/database/index.ts';
import type { Vault } from '../platform/vault.ts';
import type { PaymentOrder, PaymentOrderState, SubAccountOwner } from './bank.ts';

type OrderRow = Omit<PaymentOrder, 'payeeAccountNo'> & { payeeAccountSealed: Buffer };

const COLUMNS = sql`
  order_id as "orderId", app_id as "appId", flow_id as "flowId", channel, amount_fen as "amountFen",
  payee_name as "payeeName", payee_account_sealed as "payeeAccountSealed", payee_bank as "payeeBank",
  payee_subbranch as "payeeSubbranch", province, city, cnaps_code as "cnapsCode", state, biz_flow_no as "bizFlowNo",
  failure_reason as "failureReason", created_at as "createdAt", ended_at as "endedAt"
`;

const context = (orderId: string): string => `bank_payment_order:${orderId}:payee_account`;

function toOrder(vault: Vault, { payeeAccountSealed, ...row }: OrderRow): PaymentOrder {
  return { ...row, payeeAccountNo: vault.open(payeeAccountSealed, context(row.orderId)).toString('utf8') };
}

export async function insertOrder(tx: Transaction, vault: Vault, order: PaymentOrder): Promise<void> {
  const sealed = vault.seal(Buffer.from(order.payeeAccountNo, 'utf8'), context(order.orderId));
  await sql`
    insert into bank_payment_order (
      app_id, order_id, flow_id, channel, amount_fen, payee_name, payee_account_sealed, payee_bank, payee_subbranch,
      province, city, cnaps_code, state, created_at
    ) values (
      ${order.appId}, ${order.orderId}, ${order.flowId}, ${order.channel}, ${order.amountFen}, ${order.payeeName},
      ${sealed}, ${order.payeeBank}, ${order.payeeSubbranch}, ${order.province}, ${order.city}, ${order.cnapsCode},
      ${order.state}, ${order.createdAt}
    )
  `.execute(tx);
}

export async function findOrderOf(
  executor: Executor,
  vault: Vault,
  owner: SubAccountOwner,
): Promise<PaymentOrder | null> {
  const { rows } = await sql<OrderRow>`
    select ${COLUMNS} from bank_payment_order where app_id = ${owner.appId} and flow_id = ${owner.flowId}
    order by created_at desc, order_id desc limit 1
  `.execute(executor);
  return rows[0] ? toOrder(vault, rows[0]) : null;
}

/** Those that wait longest first. */
export async function findOrders(
  executor: Executor,
  vault: Vault,
  filter: { state?: PaymentOrderState; limit: number },
): Promise<PaymentOrder[]> {
  const { rows } = await sql<OrderRow>`
    select ${COLUMNS} from bank_payment_order
    where ${filter.state ?? null}::text is null or state = ${filter.state ?? null}
    order by created_at, order_id limit ${filter.limit}
  `.execute(executor);
  return rows.map((row) => toOrder(vault, row));
}

export async function lockOrder(tx: Transaction, vault: Vault, orderId: string): Promise<PaymentOrder | undefined> {
  const { rows } = await sql<OrderRow>`
    select ${COLUMNS} from bank_payment_order where order_id = ${orderId} for update
  `.execute(tx);
  return rows[0] && toOrder(vault, rows[0]);
}

export async function endOrder(tx: Transaction, order: PaymentOrder): Promise<void> {
  await sql`
    update bank_payment_order
    set state = ${order.state}, biz_flow_no = ${order.bizFlowNo}, failure_reason = ${order.failureReason},
        ended_at = ${order.endedAt}
    where app_id = ${order.appId} and order_id = ${order.orderId}
  `.execute(tx);
}
