import { DomainError } from '../platform/errors.ts';
import { storedVerdict } from './arrivals.ts';
import { allocateSubAccount } from './sub-accounts.ts';
import type { Bank, BankErrorCode } from './bank.ts';
import { countSubAccounts, findChannel, findChannels, hasEnabledChannel, wasConsultedSince } from './channel-store.ts';
import { publicChannel, setChannel } from './channels.ts';
import type { BankContext } from './context.ts';
import { importStatement } from './import-statement.ts';
import { findOrderOf, findOrders } from './order-store.ts';
import { confirmOrder, createOrder, revealOrder } from './orders.ts';
import { pushTransaction } from './push.ts';
import { listReviews, resolveReview } from './reviews.ts';
import { paySandbox } from './sandbox.ts';
import { findOwned, release } from './sub-account-store.ts';
import { findPayments } from './transaction-store.ts';
import { importWatchedFolders } from './watched-folders.ts';

export type BankDependencies = Omit<BankContext, 'listener'>;

const PAYMENTS_DEFAULT = 100;
const PAYMENTS_MAX = 1_000;
const ORDERS_DEFAULT = 100;
const ORDERS_MAX = 1_000;

/** The operator's bank on PostgreSQL. */
export function createBank(dependencies: BankDependencies): Bank {
  const context: BankContext = { ...dependencies, listener: null };
  const { db, vault, clock } = context;
  return {
    listenTo(listener) {
      if (context.listener !== null) throw new Error('the bank has its listener');
      context.listener = listener;
    },
    available: hasEnabledChannel,
    allocateSubAccount: (tx, owner) => allocateSubAccount(clock, tx, owner),
    subAccountOf: async (executor, owner) => (await findOwned(executor, owner)) ?? null,
    releaseSubAccount: (tx, owner) => release(tx, owner, clock.now()),
    consultedSince: (executor, { channel }, since) => wasConsultedSince(executor, channel, since),

    setChannel: (change) => setChannel(context, change),
    listChannels: async () => (await findChannels(db)).map(publicChannel),
    async showChannel(name) {
      const channel = await findChannel(db, name);
      if (channel === undefined) throw new DomainError<BankErrorCode>('bank_channel_not_found', { channel: name });
      const subAccounts = await countSubAccounts(db, name, clock.now());
      return { ...publicChannel(channel), subAccounts };
    },

    importStatement: (input) => importStatement(context, input),
    pushTransaction: (notice) => pushTransaction(context, notice),
    paySandbox: (payment) => paySandbox(context, payment),
    importWatchedFolders: () => importWatchedFolders(context),

    async listPayments({ verdict = 'unclaimed', limit = PAYMENTS_DEFAULT, ...filter } = {}) {
      const found = await findPayments(db, vault, { ...filter, verdict, limit: Math.min(limit, PAYMENTS_MAX) });
      return found.map((stored) => {
        const { transaction, claim, receivedAt } = stored;
        return { transaction, claim, receivedAt, verdict: storedVerdict(stored) };
      });
    },

    listReviews: (filter = {}) => listReviews(context, filter),
    resolveReview: (decision) => resolveReview(context, decision),

    createOrder: (tx, order) => createOrder(context, tx, order),
    orderOf: (executor, owner) => findOrderOf(executor, vault, owner),
    listOrders: (filter = {}) =>
      findOrders(db, vault, {
        ...(filter.state !== undefined && { state: filter.state }),
        limit: Math.min(filter.limit ?? ORDERS_DEFAULT, ORDERS_MAX),
      }),
    revealOrder: (order) => revealOrder(context, order),
    confirmOrder: (confirmation) => confirmOrder(context, confirmation),
  };
}
