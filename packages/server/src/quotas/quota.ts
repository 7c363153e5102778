import type { Transaction } from '../platform/database/index.ts';

/** What is left of an application's contracts. An application that nobody set a quota for has no limit. */
export type Surplus = { readonly kind: 'unlimited' } | { readonly kind: 'limited'; readonly contracts: number };

/** More than this is no quota but a slip; it fits the 32 bits that clients read the surplus into. */
export const CONTRACTS_MAX = 2_000_000_000;
/** Contracts of one order. */
export const ORDER_CONTRACTS_MAX = 1_000_000;

/**
 * - `contract_quota_used_up`: no contract is left
 * - `contract_quota_invalid` {field, expected}
 * - `contract_order_conflict` {bizRequestNo}: the number stands for another order
 */
export type QuotaErrorCode = 'contract_quota_used_up' | 'contract_quota_invalid' | 'contract_order_conflict';

export interface ContractOrder {
  readonly appId: string;
  /** The company that the contracts are for. */
  readonly etcOrgNo: string;
  /** As the caller writes it; kept for the bill. */
  readonly publicEstateType: string;
  readonly contracts: number;
  /** The caller's own number of the order: a repeat orders nothing. */
  readonly bizRequestNo: string | null;
  readonly actor: string;
}

export interface Quotas {
  surplus(appId: string): Promise<Surplus>;
  /**
   * Adds contracts to the application's quota; for one without a limit the order is only recorded. Audited.
   * @throws DomainError `org_not_found`, `contract_quota_invalid`, `contract_order_conflict`
   */
  order(order: ContractOrder): Promise<void>;
  /** Sets what is left, or with null takes the limit away; audited. @throws DomainError `app_not_found`, `contract_quota_invalid` */
  set(change: { appId: string; contracts: number | null; actor: string }): Promise<Surplus>;
  /** An operator adds contracts to a quota; audited. @throws DomainError `app_not_found`, `contract_quota_invalid` */
  add(change: { appId: string; contracts: number; actor: string }): Promise<Surplus>;
  /**
   * Takes one contract in the caller's transaction: two that meet at the last one wait for each other, and one gets it.
   * True where one was taken, false where there is no limit.
   * @throws DomainError `contract_quota_used_up`
   */
  take(tx: Transaction, appId: string): Promise<boolean>;
  /** Gives back one that was taken for what came to nothing. */
  giveBack(tx: Transaction, appId: string): Promise<void>;
}
