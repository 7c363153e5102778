import type { Apps } from '../apps/index.ts';
import { appendAudit } from '../audit/index.ts';
import type { Parties } from '../parties/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Transaction } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import { hexId } from '../platform/ids.ts';
import { CONTRACTS_MAX, ORDER_CONTRACTS_MAX } from './quota.ts';
import type { ContractOrder, QuotaErrorCode, Quotas, Surplus } from './quota.ts';
import * as store from './store.ts';

interface QuotasDependencies {
  readonly db: Database;
  readonly clock: Clock;
  readonly apps: Pick<Apps, 'findWithin'>;
  readonly parties: Pick<Parties, 'findOrg'>;
}

/** Quotas on PostgreSQL. Every change and its audit row are one transaction. */
export function createQuotas({ db, clock, apps, parties }: QuotasDependencies): Quotas {
  async function change(
    { appId, actor }: { appId: string; actor: string },
    apply: (tx: Transaction, at: Date) => Promise<{ action: string; surplus: Surplus }>,
  ): Promise<Surplus> {
    return db.transaction().execute(async (tx) => {
      if ((await apps.findWithin(tx, appId)) === undefined) throw new DomainError('app_not_found', { appId });
      const at = clock.now();
      const { action, surplus } = await apply(tx, at);
      await appendAudit(tx, { appId, actor, action, subject: `app:${appId}`, detail: { surplus }, at });
      return surplus;
    });
  }

  return {
    surplus: async (appId) => surplusOf(await store.findRemaining(db, appId)),

    async order(order) {
      checkContracts(order.contracts, ORDER_CONTRACTS_MAX, 'amount');
      await db.transaction().execute(async (tx) => placeOrder(tx, order, clock.now(), parties));
    },

    async set({ appId, contracts, actor }) {
      if (contracts !== null) checkContracts(contracts, CONTRACTS_MAX, 'contracts', 0);
      return change({ appId, actor }, async (tx, at) => {
        if (contracts === null) await store.deleteQuota(tx, appId);
        else await store.putRemaining(tx, appId, contracts, at);
        return { action: 'contract_quota.set', surplus: surplusOf(contracts ?? undefined) };
      });
    },

    async add({ appId, contracts, actor }) {
      checkContracts(contracts, CONTRACTS_MAX, 'contracts');
      return change({ appId, actor }, async (tx, at) => {
        const surplus = added(await store.addRemaining(tx, appId, contracts, at), 'contracts');
        return { action: 'contract_quota.add', surplus };
      });
    },

    async take(tx, appId) {
      const taken = await store.takeOne(tx, appId);
      if (taken === 'none-left') throw new DomainError<QuotaErrorCode>('contract_quota_used_up', { appId });
      return taken === 'taken';
    },

    async giveBack(tx, appId) {
      await store.addRemaining(tx, appId, 1, clock.now());
    },
  };
}

async function placeOrder(
  tx: Transaction,
  order: ContractOrder,
  at: Date,
  parties: Pick<Parties, 'findOrg'>,
): Promise<void> {
  const { appId, etcOrgNo, publicEstateType, contracts, bizRequestNo, actor } = order;
  if ((await parties.findOrg(tx, appId, etcOrgNo)) === undefined) throw new DomainError('org_not_found', { etcOrgNo });
  const orderId = hexId();
  const isNew = await store.insertOrder(tx, {
    app_id: appId,
    order_id: orderId,
    biz_request_no: bizRequestNo,
    etc_org_no: etcOrgNo,
    public_estate_type: publicEstateType,
    contracts,
    created_at: at,
  });
  if (!isNew) {
    const first = await store.findOrder(tx, appId, bizRequestNo ?? '');
    const same =
      first?.etc_org_no === etcOrgNo && first.public_estate_type === publicEstateType && first.contracts === contracts;
    if (same) return;
    throw new DomainError<QuotaErrorCode>('contract_order_conflict', { bizRequestNo: bizRequestNo ?? '' });
  }
  const surplus = added(await store.addRemaining(tx, appId, contracts, at), 'amount');
  await appendAudit(tx, {
    appId,
    actor,
    action: 'contract_quota.order',
    subject: `contract_order:${orderId}`,
    detail: { etcOrgNo, publicEstateType, contracts, bizRequestNo, surplus },
    at,
  });
}

function surplusOf(remaining: number | undefined): Surplus {
  return remaining === undefined ? { kind: 'unlimited' } : { kind: 'limited', contracts: remaining };
}

function added(remaining: number | 'too-many' | undefined, field: string): Surplus {
  if (remaining === 'too-many') throw invalid(field, `at most ${CONTRACTS_MAX} in all`);
  return surplusOf(remaining);
}

function checkContracts(contracts: number, max: number, field: string, min = 1): void {
  if (Number.isInteger(contracts) && contracts >= min && contracts <= max) return;
  throw invalid(field, `a whole number from ${min} to ${max}`);
}

function invalid(field: string, expected: string): DomainError<QuotaErrorCode> {
  return new DomainError('contract_quota_invalid', { field, expected });
}
