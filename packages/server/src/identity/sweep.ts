import { inTransactionRetried } from '../platform/database/index.ts';
import { keyOf, SWEEP_ROWS_MAX, type IdentityContext } from './context.ts';
import { endUnverified } from './end-flow.ts';
import { NUMBER_KEPT_MS } from './flow.ts';
import { dueFlows, keptNumbers, lockFlow, updateFlow } from './store.ts';
import type { FlowKey } from './terms.ts';

const EXPIRED = '认证流程已失效，未在有效期内完成认证';

/**
 * Ends flows whose time is over and gives back the numbers of verified ones whose payment the bank did not take back.
 * Safe on several nodes at once; one flow that fails does not keep the others waiting.
 */
export async function sweep(context: IdentityContext): Promise<void> {
  const { db, clock, log } = context;
  const now = clock.now();
  for (const key of await dueFlows(db, now, SWEEP_ROWS_MAX)) {
    await expire(context, key).catch((error: unknown) => log.error({ ...key, err: error }, 'expiry failed'));
  }
  const keptUntil = new Date(now.getTime() - NUMBER_KEPT_MS);
  for (const key of await keptNumbers(db, keptUntil, SWEEP_ROWS_MAX)) {
    await release(context, key, keptUntil).catch((error: unknown) =>
      log.error({ ...key, err: error }, 'sub-account not released'),
    );
  }
}

async function expire(context: IdentityContext, key: FlowKey): Promise<void> {
  const notify = await context.notify.forApp(key.appId);
  await inTransactionRetried(context.db, async (tx) => {
    const flow = await lockFlow(tx, key);
    if (flow?.state !== 'open' || flow.expires_at > context.clock.now()) return;
    const act = { actor: 'system', detail: {} };
    await endUnverified(context, tx, flow, { state: 'expired', reason: EXPIRED, act, notify });
  });
}

async function release({ db, bank, clock }: IdentityContext, key: FlowKey, keptUntil: Date): Promise<void> {
  await inTransactionRetried(db, async (tx) => {
    const flow = await lockFlow(tx, key);
    if (flow?.state !== 'verified' || flow.released_at !== null || (flow.ended_at ?? keptUntil) >= keptUntil) return;
    await bank.releaseSubAccount(tx, keyOf(flow));
    await updateFlow(tx, key, { released_at: clock.now(), modified_at: flow.modified_at });
  });
}
