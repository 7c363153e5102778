import type { AppNotify } from '../notify/index.ts';
import type { Transaction } from '../platform/database/index.ts';
import { recordAct, type ActKind, type NewAct } from './act.ts';
import type { SigningContext } from './context.ts';
import { tellPeople } from './flow-results.ts';
import { afterEvent, type FlowEvent, type FlowOutcome, type FlowState } from './flow.ts';
import { sendLinks } from './links.ts';
import { deleteStalls } from './stall-store.ts';
import { signersOf, updateFlow, updateSigners } from './store.ts';
import type { FlowRow } from './tables.ts';

/** Who moves a flow, how the audit names it, and what else the flow's row takes on with it. */
export type Move = {
  event: FlowEvent;
  actor: string;
  action: string;
  detail?: Record<string, unknown>;
  /** Why the flow ended, where somebody said so. */
  reason?: string;
  /** The revision that a signature made. */
  file?: { fileId: string; sha256: string };
  /** The browser of who did it, and whatever else belongs to the act. */
  act?: Pick<NewAct, 'origin' | 'consentVersion'>;
  at: Date;
};

/** The app's notifications are opened before the transaction begins: see `Notify.forApp`. */
export type Mover = { context: SigningContext; notify: AppNotify };

const ACT_OF = {
  start: 'created',
  signed: 'signed',
  refuse: 'refused',
  revoke: 'revoked',
  expire: 'expired',
} as const satisfies Record<FlowEvent['kind'], ActKind>;

function outcomeOf(state: FlowState): FlowOutcome | undefined {
  return state === 'draft' || state === 'signing' ? undefined : state;
}

/**
 * Moves a flow by one event inside the caller's transaction, which holds the flow's row lock: signers, flow, notification
 * and messages where it ends, links to those whose turn has come, act and audit. Answers the new state, or undefined where the present
 * state forbids the event.
 */
export async function moveFlow(
  { context, notify }: Mover,
  tx: Transaction,
  flow: FlowRow,
  move: Move,
): Promise<FlowState | undefined> {
  const key = { appId: flow.app_id, flowId: flow.flow_id };
  const signers = await signersOf(tx, key);
  const next = afterEvent(
    {
      state: flow.state,
      signers: signers.map((row) => ({ id: row.signer_id, signOrder: row.sign_order, state: row.state })),
    },
    move.event,
  );
  if (next.kind === 'forbidden') return undefined;

  const { state } = next.position;
  const outcome = outcomeOf(state);
  await updateSigners(tx, key, next.position.signers, move.at);
  await updateFlow(tx, key, {
    state,
    touched_at: move.at,
    ...(move.file === undefined ? {} : { file_id: move.file.fileId }),
    ...(move.reason === undefined ? {} : { reason: move.reason }),
    ...(outcome === undefined ? {} : { ended_at: move.at }),
  });
  if (outcome !== undefined) await deleteStalls(tx, key);
  const notification =
    outcome && (await tellEnd(notify, tx, { ...flow, file_id: move.file?.fileId ?? flow.file_id }, outcome, move.at));
  const { event, actor, action, at, file } = move;
  const act = { appId: flow.app_id, flowId: flow.flow_id, at };
  await recordAct(
    tx,
    {
      ...act,
      ...move.act,
      signerId: 'signerId' in event ? event.signerId : null,
      kind: ACT_OF[event.kind],
      actor,
      ...(file && { file }),
      ...(move.detail && { detail: move.detail }),
    },
    { action, detail: { state, ...(notification === undefined ? {} : { notification }) } },
  );
  if (state === 'done') {
    await recordAct(tx, { ...act, signerId: null, kind: 'done', actor: 'system', ...(file && { file }) });
  }
  if (outcome) {
    await tellPeople(context, tx, {
      flow,
      signers,
      outcome,
      byMember: event.kind === 'revoke',
      bySignerId: event.kind === 'refuse' ? event.signerId : null,
      at,
    });
  }
  if (state === 'signing') {
    const called = new Set(next.position.signers.filter((row) => row.state === 'signing').map((row) => row.id));
    const inTurn = signers.filter((row) => row.state === 'waiting' && called.has(row.signer_id));
    await sendLinks(context, tx, flow, inTurn);
  }
  return state;
}

/** sign_process, unless the request asked for none. Answers what the audit says of it. */
async function tellEnd(
  notify: AppNotify,
  tx: Transaction,
  flow: FlowRow,
  outcome: FlowOutcome,
  at: Date,
): Promise<string> {
  if (!flow.finish_notify) return 'not-wanted';
  const notified = await notify.flowEnded(tx, {
    notifyUrl: flow.notify_url,
    flowId: flow.flow_id,
    subject: flow.subject,
    outcome,
    fileId: flow.file_id,
    createdAt: flow.created_at,
    endedAt: at,
  });
  return notified.kind;
}
