import { appendAudit } from '../audit/index.ts';
import type { AppNotify } from '../notify/index.ts';
import type { Executor, Transaction } from '../platform/database/index.ts';
import { JOB, type SigningContext } from './context.ts';
import { moveFlow } from './move-flow.ts';
import { signField, type SignedRevision } from './sign-field.ts';
import { fieldsOf, findFlow, lockFlow, markFieldSigned, nextSilentField, touchFlow, updateFlow } from './store.ts';
import type { FieldRow, FlowRow, SignerRow } from './tables.ts';
import { noteSignatureLevel } from './upgrade.ts';

type FlowKey = { appId: string; flowId: string };

/** Adds the job that signs what can be signed silently, or replaces the one that waits; due at once or since `runAt`. */
export async function addAdvanceJob(
  context: SigningContext,
  executor: Executor,
  key: FlowKey,
  runAt?: Date,
): Promise<void> {
  const jobKey = `${JOB.advance}:${key.appId}:${key.flowId}`;
  await context.jobs.add(executor, JOB.advance, key, { key: jobKey, ...(runAt && { runAt }) });
}

/**
 * Signs one silent field after the other until nobody's turn is silent.
 *
 * Each signature is made outside of any transaction, over the newest revision, and counts only if, under the flow's row
 * lock, the flow is still in signing, that revision is still its newest and the field still waits. So no lock is held
 * while a file is read or a key is used; a job that runs twice makes a revision that is thrown away, and a crash leaves
 * at most a stored file that no row names. A lease would spare that lost work, and would have to be waited for after a
 * crash.
 */
export async function advanceFlow(context: SigningContext, key: FlowKey): Promise<void> {
  for (;;) {
    const flow = await findFlow(context.db, key);
    if (flow?.state !== 'signing') return;
    const next = await nextSilentField(context.db, key);
    if (!next) return;
    await touchFlow(context.db, key, context.clock.now());
    const signed = await signField(context, flow, next);
    const notify = await context.notify.forApp(key.appId);
    const counted = await context.db
      .transaction()
      .execute((tx) => countSignature({ ...context, notify }, tx, flow, next, signed));
    if (!counted) await context.documents.discardFile({ appId: key.appId, fileId: signed.fileId });
  }
}

/** Makes a signed revision the flow's newest; false where somebody was faster and it does not count. */
async function countSignature(
  context: Omit<SigningContext, 'notify'> & { notify: AppNotify },
  tx: Transaction,
  before: FlowRow,
  { field, signer }: { field: FieldRow; signer: SignerRow },
  signed: SignedRevision,
): Promise<boolean> {
  const { notify, clock } = context;
  const key = { appId: before.app_id, flowId: before.flow_id };
  const flow = await lockFlow(tx, key);
  if (flow?.state !== 'signing' || flow.file_id !== before.file_id) return false;
  const at = clock.now();
  if (flow.sign_validity !== null && flow.sign_validity <= at) {
    // The deadline came while the signature was made: it is too late, whoever notices first.
    await moveFlow(notify, tx, flow, { event: { kind: 'expire' }, actor: 'system', action: 'sign_flow.expire', at });
    return false;
  }
  const fieldId = field.field_id;
  if (!(await markFieldSigned(tx, key, { fieldId, fileId: signed.fileId, at: signed.at }))) return false;

  const act = {
    actor: `org:${signer.org_no ?? ''}`,
    action: 'sign_flow.sign',
    detail: { signerId: signer.signer_id, fieldId, fileId: signed.fileId, sealId: signed.sealId },
    at,
  };
  const fields = await fieldsOf(tx, key, signer.signer_id);
  if (fields.every((row) => row.state === 'signed')) {
    const event = { kind: 'signed', signerId: signer.signer_id } as const;
    const state = await moveFlow(notify, tx, flow, { ...act, event, fileId: signed.fileId });
    await noteSignatureLevel(context, tx, key, { fieldId, level: signed.level, isFlowDone: state === 'done', at });
    return state !== undefined;
  }
  await noteSignatureLevel(context, tx, key, { fieldId, level: signed.level, isFlowDone: false, at });
  await updateFlow(tx, key, { file_id: signed.fileId, touched_at: at });
  await appendAudit(tx, { appId: key.appId, subject: `sign_flow:${key.flowId}`, ...act });
  return true;
}
