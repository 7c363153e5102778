/** How many contracts an application may still begin. This file is the capability's whole public face. */
export type { Quotas, QuotaErrorCode, Surplus } from './quota.ts';
export { createQuotas } from './commands.ts';
