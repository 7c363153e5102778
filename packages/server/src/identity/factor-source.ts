import { randomUUID } from 'node:crypto';
import type { Executor } from '../platform/database/index.ts';
import type { IdentityContext } from './context.ts';
import { refused } from './context.ts';
import { formFault, registerFault, type FactorFault, type Factors } from './factors.ts';
import { findRegistered } from './register-store.ts';
import { registerIdHash } from './register.ts';

/**
 * - `declared`: the form holds and the imported register does not contradict; the transfer is the proof, since the bank
 *   knows the account's name.
 * - `register`: the company stands in the imported register as it was told.
 */
export const FACTOR_SOURCES = ['declared', 'register'] as const;
export type FactorSourceName = (typeof FACTOR_SOURCES)[number];

/** What contradicts the factors, or undefined where they hold. Throws where nobody can say. */
type FactorSource = (
  context: Pick<IdentityContext, 'vault'>,
  executor: Executor,
  factors: Factors,
) => Promise<FactorFault | undefined>;

const SOURCES: Readonly<Record<FactorSourceName, FactorSource>> = {
  async declared(context, executor, factors) {
    const { company } = await lookUp(context, executor, factors);
    return company && registerFault(factors, company);
  },
  async register(context, executor, factors) {
    const { company, registerIsEmpty } = await lookUp(context, executor, factors);
    if (registerIsEmpty) throw new Error('no company register was imported');
    return company === undefined ? { field: 'orgCode', reason: 'mismatch' } : registerFault(factors, company);
  },
};

async function lookUp({ vault }: Pick<IdentityContext, 'vault'>, executor: Executor, factors: Factors) {
  const idHash = factors.legalRep === null ? null : registerIdHash(vault, factors.legalRep.idNo);
  return findRegistered(executor, factors.orgCode, idHash);
}

/**
 * What is wrong with the factors, in their form or by the source; undefined where they hold.
 *
 * @throws DomainError factor_source_failed with the id of the log line
 */
export async function factorFault(context: IdentityContext, factors: Factors): Promise<FactorFault | undefined> {
  const fault = formFault(factors);
  if (fault !== undefined) return fault;
  try {
    return await SOURCES[context.factorSource ?? 'declared'](context, context.db, factors);
  } catch (error) {
    const id = randomUUID();
    context.log.error({ id, err: error }, 'factors could not be compared');
    throw refused('factor_source_failed', { id });
  }
}

/** @throws DomainError identity_invalid, factor_source_failed */
export async function assertFactors(context: IdentityContext, factors: Factors): Promise<void> {
  const fault = await factorFault(context, factors);
  if (fault !== undefined) throw refused('identity_invalid', { field: fault.field, reason: fault.reason });
}
