import type { AppNotify } from '../notify/index.ts';
import type { Executor, Transaction } from '../platform/database/index.ts';
import { recordAct } from './act.ts';
import { JOB, type SigningContext } from './context.ts';
import { moveFlow } from './move-flow.ts';
import { signField, type ReadyField, type SignedRevision } from './sign-field.ts';
import { noteStall } from './stall-flow.ts';
import { deleteStalls, takeOthers } from './stall-store.ts';
import { findIntent } from './signer-store.ts';
import { fieldsOf, findFlow, lockFlow, markFieldSigned, nextReadyField, touchFlow, updateFlow } from './store.ts';
import type { FlowRow } from './tables.ts';
import { noteSignatureLevel } from './upgrade.ts';

type FlowKey = { appId: string; flowId: string };

/** Flows of a company that are taken up with one of them that goes on again; each of them takes up as many more. */
const WOKEN_MAX = 4;
const WOKEN_ALONE_MS = 60_000;

/** Adds the job that signs what needs no person any more, or replaces the one that waits; due at once or since `runAt`. */
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
 * Signs one field after the other, silent ones and those that their signers confirmed, until a person has to act.
 *
 * Each signature is made outside of any transaction, over the newest revision, and counts only if, under the flow's row
 * lock, the flow is still in signing, that revision is still its newest and the field still waits. So no lock is held
 * while a file is read or a key is used; a job that runs twice makes a revision that is thrown away, and a crash leaves
 * at most a stored file that no row names. A lease would spare that lost work, and would have to be waited for after a
 * crash.
 *
 * A signer whose signature cannot be made for a reason that needs an operator is noted and passed over; the sweep comes back.
 */
export async function advanceFlow(context: SigningContext, key: FlowKey): Promise<void> {
  const stalled: string[] = [];
  for (;;) {
    const flow = await findFlow(context.db, key);
    if (flow?.state !== 'signing') return;
    const next = await readyField(context, key, stalled);
    if (!next) return;
    await touchFlow(context.db, key, context.clock.now());
    const signed = await signField(context, flow, next).catch(async (error: unknown) => {
      // That it cannot be noted is the lesser fault.
      const isNoted = await noteStall(context, key, next, error).catch(() => false);
      if (!isNoted) throw error;
    });
    if (signed === undefined) {
      stalled.push(next.signer.signer_id);
      continue;
    }
    const notify = await context.notify.forApp(key.appId);
    const counted = await context.db
      .transaction()
      .execute((tx) => countSignature({ context, notify }, tx, flow, next, signed));
    if (!counted.isNewest) await context.documents.discardFile({ appId: key.appId, fileId: signed.fileId });
    for (const orgNo of counted.freed) await wakeOthers(context, { appId: key.appId, orgNo });
  }
}

/** What held one flow of a company up is gone: the others go on as well, a few at a time. */
async function wakeOthers(context: SigningContext, company: { appId: string; orgNo: string }): Promise<void> {
  const dueAt = new Date(context.clock.now().getTime() + WOKEN_ALONE_MS);
  const others = await takeOthers(context.db, { ...company, dueAt, rowsMax: WOKEN_MAX });
  for (const other of others) await addAdvanceJob(context, context.db, other);
}

async function readyField(
  { db }: SigningContext,
  key: FlowKey,
  stalled: readonly string[],
): Promise<ReadyField | undefined> {
  const next = await nextReadyField(db, key, stalled);
  if (!next) return undefined;
  const isConfirmed = next.signer.confirmed_at !== null;
  const intent = isConfirmed ? await findIntent(db, { ...key, signerId: next.signer.signer_id }) : undefined;
  return { ...next, intent };
}

/** `freed`: companies whose fault held this signer up. */
type Counted = { isNewest: boolean; freed: readonly string[] };
const NOT_COUNTED: Counted = { isNewest: false, freed: [] };

/** Makes a signed revision the flow's newest, unless somebody was faster and it does not count. */
async function countSignature(
  { context, notify }: { context: SigningContext; notify: AppNotify },
  tx: Transaction,
  before: FlowRow,
  { field, signer, intent }: ReadyField,
  signed: SignedRevision,
): Promise<Counted> {
  const { clock } = context;
  const key = { appId: before.app_id, flowId: before.flow_id };
  const flow = await lockFlow(tx, key);
  if (flow?.state !== 'signing' || flow.file_id !== before.file_id) return NOT_COUNTED;
  const at = clock.now();
  // Who confirmed in time has signed in time, however long the signature took to make.
  const wasInTime = intent !== undefined && !field.auto_execute && intent.confirmed_at < (flow.sign_validity ?? at);
  if (flow.sign_validity !== null && flow.sign_validity <= at && !wasInTime) {
    // The deadline came while the signature was made: it is too late, whoever notices first.
    const event = { kind: 'expire' } as const;
    await moveFlow({ context, notify }, tx, flow, { event, actor: 'system', action: 'sign_flow.expire', at });
    return NOT_COUNTED;
  }
  const { fileId, sha256, sealId, places, level } = signed;
  const { field_id: fieldId } = field;
  const signerId = signer.signer_id;
  if (!(await markFieldSigned(tx, key, { fieldId, fileId, at: signed.at, places }))) return NOT_COUNTED;
  const freed = await deleteStalls(tx, { ...key, signerId });

  const file = { fileId, sha256 };
  const detail = { signerId, fieldId, fileId, sealId, level, replacedFileId: flow.file_id };
  const who = signer.kind === 'company' ? `org:${signer.org_no ?? ''}` : `signer:${signerId}`;
  const act = { actor: who, action: 'sign_flow.sign', detail, at };
  const fields = await fieldsOf(tx, key, signerId);
  if (fields.every((row) => row.state === 'signed')) {
    const event = { kind: 'signed', signerId } as const;
    const state = await moveFlow({ context, notify }, tx, flow, { ...act, event, file });
    await noteSignatureLevel(context, tx, key, { fieldId, level, isFlowDone: state === 'done', at });
    return { isNewest: state !== undefined, freed };
  }
  await noteSignatureLevel(context, tx, key, { fieldId, level, isFlowDone: false, at });
  await updateFlow(tx, key, { file_id: fileId, touched_at: at });
  const { action, actor } = act;
  await recordAct(tx, { ...key, signerId, kind: 'signed', actor, at, file, detail }, { action });
  return { isNewest: true, freed };
}
