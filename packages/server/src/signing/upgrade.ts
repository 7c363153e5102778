import { appendAudit } from '../audit/index.ts';
import type { Executor, Transaction } from '../platform/database/index.ts';
import { JOB, type SigningContext } from './context.ts';
import { reaches, type LongTerm, type SignatureLevel } from './signature-level.ts';
import { findFlow, lockFlow } from './store.ts';
import type { FlowRow, SigningTables, UpgradeRow } from './tables.ts';
import { upgradeDocument, type UpgradedDocument } from './upgrade-document.ts';
import { fieldLevel, provedSignatures, renewalAt, retryAt } from './upgrade-plan.ts';
import * as store from './upgrade-store.ts';

type FlowKey = { appId: string; flowId: string };

/** What timestamps and evidence may add to a revision that has reached its own limit. */
const UPGRADE_BYTES_MAX = 32 * 1024 * 1024;

/** Adds the job that upgrades a flow's newest revision, or replaces the one that waits. */
export async function addUpgradeJob(
  context: Pick<SigningContext, 'jobs'>,
  executor: Executor,
  key: FlowKey,
): Promise<void> {
  await context.jobs.add(executor, JOB.upgrade, key, { key: `${JOB.upgrade}:${key.appId}:${key.flowId}` });
}

/**
 * Notes in the transaction that counts a signature what level it has, and puts the flow into the queue where more is to
 * be reached: a timestamp that no service gave, or, once the flow is done, what validators need later.
 */
export async function noteSignatureLevel(
  context: Pick<SigningContext, 'jobs' | 'longTerm'>,
  tx: Transaction,
  key: FlowKey,
  signed: { fieldId: string; level: SignatureLevel; isFlowDone: boolean; at: Date },
): Promise<void> {
  const { level: goal } = context.longTerm;
  const { fieldId, level, isFlowDone, at } = signed;
  await store.setSignatureLevels(tx, key, new Map([[fieldId, level]]));
  if (goal === 'B-B') return;
  const isEvidenceWanted = isFlowDone && reaches(goal, 'B-LT');
  const isStampWanted = isFlowDone
    ? (await store.signedFields(tx, key)).some((field) => field.level === 'B-B')
    : level === 'B-B';
  if (!isEvidenceWanted && !isStampWanted) return;
  await store.queueUpgrade(tx, key, { goal, dueAt: at, at });
  await addUpgradeJob(context, tx, key);
}

/**
 * Brings a flow's newest revision as near to its goal as the services allow now. The new revision is made outside of any
 * transaction and counts only if, under the flow's row lock, nothing changed; otherwise it is thrown away. A crash leaves
 * at most a stored file that no row names, and a lease that ends.
 */
export async function upgradeFlow(context: SigningContext, key: FlowKey): Promise<void> {
  const { db, clock, log, limits } = context;
  const at = clock.now();
  const row = await store.beginUpgrade(db, key, { at, leaseUntil: new Date(at.getTime() + limits.upgradeLeaseMs) });
  if (!row) return;
  try {
    await upgradeOnce(context, key, row);
  } catch (error) {
    log.error({ ...key, err: error }, 'an upgrade of signatures failed');
    const failure = error instanceof Error ? error.message : 'failed';
    await store.settleUpgrade(db, row, retried(context, row, failure));
  }
}

async function upgradeOnce(context: SigningContext, key: FlowKey, row: UpgradeRow): Promise<void> {
  const { db, documents, longTerm, signedBytesMax } = context;
  const flow = await findFlow(db, key);
  // A flow that came to nothing is no contract that anybody will prove.
  if (!flow || (flow.state !== 'signing' && flow.state !== 'done')) return store.settleUpgrade(db, row, undefined);
  if (longTerm.level === 'B-B') {
    return store.settleUpgrade(db, row, retried(context, row, 'no timestamp service is configured any more'));
  }
  const source = await documents.readFile({ appId: key.appId, fileId: flow.file_id });
  const fields = await store.signedFields(db, key);
  const upgraded = await upgradeDocument(portsOf(context, longTerm), {
    pdf: source.bytes,
    goal: row.goal,
    isFinal: flow.state === 'done',
    isRenewal: row.renewal,
    now: context.clock.now(),
    isOwn: (fieldName) => fields.some(({ fieldId }) => isOfField(fieldName, fieldId)),
    limits: { bytesMax: signedBytesMax + UPGRADE_BYTES_MAX },
  });
  const levels = levelsOf(fields, row, upgraded);
  // Half of the work is kept only if it says something new: fresh evidence at each try would make the file grow.
  const isWorthIt =
    upgraded.steps.length > 0 &&
    (upgraded.failure === undefined || fields.some(({ fieldId, level }) => levels.get(fieldId) !== level));
  if (!isWorthIt) return settleUnchanged(context, row, flow, upgraded);
  const file = await documents.storeFile({ appId: key.appId, fileName: flow.subject, bytes: upgraded.pdf });
  const { fileId, sha256 } = file;
  const made = { fileId, sha256, upgraded, levels };
  const counted = await db.transaction().execute((tx) => countUpgrade(context, tx, flow, row, made));
  if (!counted) await documents.discardFile({ appId: key.appId, fileId });
}

/** After an attempt that changed nothing. Where nothing more can be done, the audit says so. */
async function settleUnchanged(
  context: SigningContext,
  row: UpgradeRow,
  flow: FlowRow,
  upgraded: UpgradedDocument,
): Promise<void> {
  await context.db.transaction().execute(async (tx) => {
    if (upgraded.isHopeless) {
      const detail = { goal: row.goal, failure: upgraded.failure };
      const [at, subject] = [context.clock.now(), `sign_flow:${row.flow_id}`];
      const action = 'sign_flow.upgrade_given_up';
      // Before the queue's row: whoever signs the flow's next field takes the audit first, too.
      await appendAudit(tx, { appId: row.app_id, actor: 'system', action, subject, detail, at });
    }
    await store.settleUpgrade(tx, row, nextOf(context, row, flow, upgraded));
  });
}

type UpgradedRevision = {
  fileId: string;
  sha256: string;
  upgraded: UpgradedDocument;
  levels: ReadonlyMap<string, SignatureLevel>;
};

/** Makes an upgraded revision the flow's newest; false where a signature or another node was faster. */
async function countUpgrade(
  context: SigningContext,
  tx: Transaction,
  before: FlowRow,
  row: UpgradeRow,
  { fileId, sha256, upgraded, levels }: UpgradedRevision,
): Promise<boolean> {
  const key = { appId: before.app_id, flowId: before.flow_id };
  const at = context.clock.now();
  const flow = await lockFlow(tx, key);
  // What is left to do is due again when the lease ends, unless whoever was faster has done it.
  if (flow?.file_id !== before.file_id || flow.state !== before.state) return false;
  await tx
    .withTables<SigningTables>()
    .updateTable('sign_flow')
    .set({ file_id: fileId })
    .where('app_id', '=', key.appId)
    .where('flow_id', '=', key.flowId)
    .execute();
  await store.setSignatureLevels(tx, key, levels);
  await store.settleCounted(tx, row, nextOf(context, row, flow, upgraded));
  const { steps, failure } = upgraded;
  await appendAudit(tx, {
    appId: key.appId,
    actor: 'system',
    action: row.renewal ? 'sign_flow.renew_timestamp' : 'sign_flow.upgrade',
    subject: `sign_flow:${key.flowId}`,
    detail: {
      fileId,
      sha256,
      replacedFileId: before.file_id,
      steps,
      levels: Object.fromEntries(levels),
      ...(failure !== undefined && { failure }),
    },
    at,
  });
  return true;
}

/** What each field has reached by this upgrade. */
function levelsOf(
  fields: readonly { fieldId: string; level: SignatureLevel }[],
  { goal, renewal }: UpgradeRow,
  { signatures, steps, failure }: UpgradedDocument,
): Map<string, SignatureLevel> {
  const proved = [...provedSignatures(signatures)];
  const isWithEvidence = steps.includes('add-evidence');
  const isWhole = failure === undefined && (isWithEvidence || steps.includes('stamp-document'));
  const reached: SignatureLevel = renewal || isWhole ? goal : isWithEvidence ? 'B-LT' : 'B-T';
  return new Map(
    fields.map(({ fieldId }) => {
      const own = proved.filter(([fieldName]) => isOfField(fieldName, fieldId)).map(([, isProved]) => isProved);
      return [fieldId, own.length === 0 ? 'B-B' : fieldLevel(own, reached)];
    }),
  );
}

/** What is left to do after an attempt. */
function nextOf(context: SigningContext, row: UpgradeRow, flow: FlowRow, upgraded: UpgradedDocument) {
  const { failure, isHopeless, timestampEnds } = upgraded;
  if (isHopeless) return undefined;
  if (failure !== undefined) return retried(context, row, failure);
  if (timestampEnds !== undefined && row.goal === 'B-LTA' && flow.state === 'done') {
    const dueAt = renewalAt(timestampEnds, context.clock.now(), Math.random());
    return { dueAt, renewal: true, attempts: 0, failure: null };
  }
  return undefined;
}

function retried(context: SigningContext, row: UpgradeRow, failure: string) {
  context.log.warn({ appId: row.app_id, flowId: row.flow_id, failure }, 'signatures have not reached their level');
  const dueAt = retryAt(row.attempts, context.clock.now(), 0.8 + Math.random() * 0.4);
  return { dueAt, renewal: row.renewal, attempts: row.attempts, failure };
}

function portsOf({ pdf, trust, log }: SigningContext, { timestamps }: Exclude<LongTerm, { level: 'B-B' }>) {
  return {
    pdf: pdf.upgrades,
    timestamps,
    evidence: (certificate: Buffer, chain: readonly Buffer[]) => trust.revocationEvidence(certificate, chain),
    onMissing: (error: unknown) => log.warn({ err: error }, 'evidence for a certificate is missing'),
  };
}

/** Signing names its signatures after the field: `signature-FIELD-PAGE`. */
function isOfField(fieldName: string, fieldId: string): boolean {
  return fieldName.startsWith(`signature-${fieldId}-`);
}

/** Gives a job to each upgrade whose time has come: those of lost jobs, of services that were down, and renewals. */
export async function sweepUpgrades(context: SigningContext): Promise<void> {
  const { db, clock, limits } = context;
  for (const key of await store.dueUpgrades(db, clock.now(), limits.sweepRowsMax))
    await addUpgradeJob(context, db, key);
}
