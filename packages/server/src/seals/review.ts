import { appendAudit } from '../audit/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import * as store from './review-store.ts';
import type { Seals } from './seals.ts';

/** A seal that waits for somebody to look at it. */
export interface PendingSeal {
  readonly sealId: string;
  readonly etcOrgNo: string;
  readonly alias: string;
  /** Opens its picture for whoever holds it. */
  readonly sealUrl: string;
  readonly createdAt: Date;
}

/** `seal_not_found` {sealId}; `seal_already_reviewed` {sealId, status}: with another verdict, or taken out of use. */
export type ReviewErrorCode = 'seal_not_found' | 'seal_already_reviewed';

export interface SealReview {
  /** The application's seals that wait, the longest waiting first, 1,000 at most. */
  pending(appId: string): Promise<readonly PendingSeal[]>;
  /**
   * Lets a seal pass or rejects it, once; audited with the reason. The same verdict again changes nothing.
   * @throws DomainError with a `ReviewErrorCode`
   */
  review(verdict: {
    appId: string;
    etcOrgNo: string;
    sealId: string;
    passes: boolean;
    /** At most 200 characters. */
    reason: string | null;
    actor: string;
  }): Promise<void>;
  isRequired(appId: string): Promise<boolean>;
  /** From now on new seals of this application wait for a review, or do not; audited. Seals that wait go on waiting. */
  require(setting: { appId: string; isRequired: boolean; actor: string }): Promise<void>;
}

const PENDING_MAX = 1_000;

interface SealReviewDependencies {
  readonly db: Database;
  readonly clock: Clock;
  readonly seals: Pick<Seals, 'sealUrl'>;
}

/** Reviews of seals on PostgreSQL. Every verdict and its audit row are one transaction. */
export function createSealReview({ db, clock, seals }: SealReviewDependencies): SealReview {
  return {
    async pending(appId) {
      const waiting = await store.findPending(db, appId, PENDING_MAX);
      return waiting.map(({ sealId, etcOrgNo, alias, createdAt }) => {
        const sealUrl = seals.sealUrl({ appId, sealId });
        return { sealId, etcOrgNo, alias, sealUrl, createdAt };
      });
    },

    async review({ appId, etcOrgNo, sealId, passes, reason, actor }) {
      await db.transaction().execute(async (tx) => {
        const seal = await store.lockSeal(tx, { appId, etcOrgNo, sealId });
        if (seal === undefined) throw new DomainError<ReviewErrorCode>('seal_not_found', { sealId });
        const status = passes ? 'active' : 'rejected';
        if (seal.status === status && seal.reviewedAt !== null) return;
        if (seal.status !== 'pending') {
          throw new DomainError<ReviewErrorCode>('seal_already_reviewed', { sealId, status: seal.status });
        }
        const at = clock.now();
        const becomesDefault = passes && seal.isSuccessor;
        if (becomesDefault) await store.retireDefault(tx, { appId, etcOrgNo }, at);
        await store.settleReview(tx, { appId, sealId }, { status, reason, becomesDefault, at });
        await appendAudit(tx, {
          appId,
          actor,
          action: passes ? 'seal.pass' : 'seal.reject',
          subject: `seal:${sealId}`,
          detail: { etcOrgNo, alias: seal.alias, reason, becomesDefault },
          at,
        });
      });
    },

    isRequired: async (appId) => store.isReviewRequired(db, appId),

    async require({ appId, isRequired, actor }) {
      await db.transaction().execute(async (tx) => {
        const at = clock.now();
        if (!(await store.putReviewRequired(tx, { appId, isRequired, at }))) return;
        const action = isRequired ? 'app.require_seal_review' : 'app.waive_seal_review';
        await appendAudit(tx, { appId, actor, action, subject: `app:${appId}`, detail: {}, at });
      });
    },
  };
}
