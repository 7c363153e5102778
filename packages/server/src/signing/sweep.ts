import { addAdvanceJob } from './advance-flow.ts';
import type { SigningContext } from './context.ts';
import { addOpenJob } from './create-flow.ts';
import { expireFlow } from './end-flow.ts';
import { pruneSessions } from './signer-store.ts';
import { dueStalls } from './stall-store.ts';
import { dueFlows, idleRequests, idleSilentFlows } from './store.ts';

/** Longer than any session, and than a day in which a preview's date is today's. */
const PREVIEW_LIFE_MS = 48 * 3_600_000;

/**
 * Takes up what a lost job left behind, so that nothing hangs on a single one: expires flows whose deadline has come,
 * and gives a new job to requests and silent fields that nobody has touched for `idleMs`. What waits for an operator is
 * tried each time, one flow of a company. Safe on several nodes at once.
 */
export async function sweep(context: SigningContext): Promise<void> {
  const { db, limits, log } = context;
  const now = context.clock.now();
  const idleSince = new Date(now.getTime() - limits.idleMs);
  for (const key of await dueFlows(db, now, limits.sweepRowsMax)) {
    // One flow that cannot be expired must not keep the others from it.
    await expireFlow(context, key).catch((error: unknown) => log.error({ ...key, err: error }, 'expiry failed'));
  }
  await pruneSessions(db, new Date(now.getTime() - PREVIEW_LIFE_MS));
  // A job that only waits in a long queue is replaced by this one: due since then, it keeps its place before newer ones.
  for (const { touchedAt, ...key } of await idleRequests(db, idleSince, limits.sweepRowsMax)) {
    await addOpenJob(context, db, key, touchedAt);
  }
  for (const { touchedAt, ...key } of await idleSilentFlows(db, idleSince, limits.sweepRowsMax)) {
    await addAdvanceJob(context, db, key, touchedAt);
  }
  for (const { dueAt, ...key } of await dueStalls(db, now, limits.sweepRowsMax)) {
    await addAdvanceJob(context, db, key, dueAt);
  }
}
