import { appendAudit } from '../audit/index.ts';
import type { Org } from '../parties/index.ts';
import type { Transaction } from '../platform/database/index.ts';
import { hexId } from '../platform/ids.ts';
import { recordAct } from './act.ts';
import { addAdvanceJob } from './advance-flow.ts';
import { undrawablePage } from './drawable-pages.ts';
import { JOB, type SigningContext } from './context.ts';
import { fetchFile } from './fetch-file.ts';
import { newFlowRows, type NewFlow } from './new-flow.ts';
import { sendLinks } from './links.ts';
import { placeFields } from './place-fields.ts';
import { PDF_REFUSALS } from './refusals.ts';
import { beginRequest, findFlow, insertFlow, returnAttempt, settleRequest, signersOf } from './store.ts';
import type { RequestRow } from './tables.ts';

type RequestKey = { appId: string; flowRequestId: string };

/** A fault that may pass: the job system tries again later. */
class FileNotYetThere extends Error {
  override readonly name = 'FileNotYetThere';
}

const GAVE_UP = '文件多次处理失败，请检查文件后重新发起';

/**
 * The job behind createFlow: fetches the file, looks at it and at the places of the fields, then makes the flow, or
 * settles the request as failed; either way the notification create_sign_process commits with it. Run twice, it settles
 * once. The attempt is counted before the work, so a file that ends the process ends its own request too.
 *
 * @throws FileNotYetThere when the fault may pass and tries are left
 */
export async function openFlow(context: SigningContext, key: RequestKey): Promise<void> {
  const request = await beginRequest(context.db, key, context.clock.now());
  if (!request) return;
  if (request.attempts > context.limits.openAttemptsMax) return failRequest(context, request, GAVE_UP);

  const fetched = await fetchFile(context.egress, request.command.fileUrl, context.limits);
  if (fetched.kind === 'failed') {
    if (fetched.passing && request.attempts < context.limits.openAttemptsMax) throw new FileNotYetThere(fetched.reason);
    return failRequest(context, request, fetched.reason);
  }
  const judged = await judge(context, request, fetched.bytes);
  if (!judged.ok) return failRequest(context, request, judged.reason);
  try {
    const unshown = await unshownPage(context, request, judged);
    if (unshown !== undefined) return await failRequest(context, request, unshown);
    await makeFlow(context, request, judged.bytes, judged.org);
  } catch (error) {
    // The file is good, and we could not look at its pages or keep it: that must not use up the request's tries, however long it lasts.
    await returnAttempt(context.db, key);
    throw error;
  }
}

interface GoodFile {
  readonly org: Org;
  readonly bytes: Buffer;
  readonly pages: number;
  /** From 1. */
  readonly fieldPages: readonly number[];
}

/** Why the file cannot be read by the people who are to sign it on the page; undefined where it can, or nobody is. */
async function unshownPage(
  { pageImages }: SigningContext,
  { command }: RequestRow,
  file: GoodFile,
): Promise<string | undefined> {
  const isByHand = command.signers.length > 0 || command.initiator.fields.some((field) => !field.autoExecute);
  if (!isByHand) return undefined;
  const page = await undrawablePage(pageImages, file, () => performance.now());
  return page === undefined ? undefined : `第${page}页内容过于复杂或者已损坏，无法显示，请重新导出为PDF`;
}

/**
 * Whether a flow can be made of this file: its initiator, the file itself, and the places of the fields. The bytes are
 * taken over, and answered where they are good.
 */
async function judge(
  context: SigningContext,
  { app_id: appId, command }: RequestRow,
  bytes: Buffer,
): Promise<({ ok: true } & GoodFile) | { ok: false; reason: string }> {
  const { limits } = context;
  const initiator = await context.parties.findMember(context.db, appId, command.initiator.etcMemberNo);
  if (!initiator) return { ok: false, reason: '发起方会员不存在' };
  const { org } = initiator;
  if (command.initiator.fields.some((field) => !field.autoExecute)) {
    const mobile = await context.parties.memberMobile(context.db, appId, command.initiator.etcMemberNo);
    if (mobile === null) return { ok: false, reason: '发起方会员没有手机号，无法收到签署链接' };
  }
  let misplaced: string | undefined;
  let [pageCount, fieldPages]: [number, number[]] = [0, []];
  const rehearsal = await context.pdf.rehearse({
    pdf: bytes,
    limits: { bytesMax: limits.fileBytesMax },
    grownBytesMax: limits.revisionBytesMax,
    async place(pages) {
      const placed = await placeFields(context, command, org, pages);
      if (placed.ok) {
        [pageCount, fieldPages] = [pages.length, placed.widgets.map(({ pageIndex }) => pageIndex + 1)];
        return placed.widgets;
      }
      misplaced = placed.reason;
      return null;
    },
  });
  if (misplaced !== undefined) return { ok: false, reason: misplaced };
  const { refusal, pdf } = rehearsal;
  if (refusal !== undefined) return { ok: false, reason: PDF_REFUSALS[refusal] };
  return { ok: true, org, bytes: pdf, pages: pageCount, fieldPages };
}

async function failRequest(context: SigningContext, request: RequestRow, reason: string): Promise<void> {
  const at = context.clock.now();
  const { app_id: appId, flow_request_id: flowRequestId, command } = request;
  const notify = await context.notify.forApp(appId);
  await context.db.transaction().execute(async (tx) => {
    if (!(await settleRequest(tx, { appId, flowRequestId }, { state: 'failed', failure: reason }, at))) return;
    if (request.quota_taken) await context.quotas.giveBack(tx, appId);
    const { notifyUrl } = command;
    const notified = await notify.flowCreated(tx, {
      notifyUrl,
      flowRequestId,
      result: { ok: false, reason },
      at,
    });
    await appendAudit(tx, {
      appId,
      actor: 'system',
      action: 'sign_flow.request_failed',
      subject: `sign_request:${flowRequestId}`,
      detail: { reason, attempts: request.attempts, notification: notified.kind },
      at,
    });
  });
}

async function makeFlow(context: SigningContext, request: RequestRow, bytes: Buffer, org: Org): Promise<void> {
  const { app_id: appId, flow_request_id: flowRequestId, command } = request;
  // The file is durable before the rows that name it: a crash in between leaves one that nobody names.
  const { fileId, sha256 } = await context.documents.storeFile({ appId, fileName: command.fileName, bytes });
  const notify = await context.notify.forApp(appId);
  const flow = newFlowRows({ request, flowId: hexId(), fileId, org, at: context.clock.now() });
  const made = await context.db.transaction().execute(async (tx) => {
    const key = { appId, flowId: flow.flow.flow_id };
    const at = flow.flow.created_at;
    if (!(await settleRequest(tx, { appId, flowRequestId }, { state: 'opened', flowId: key.flowId }, at))) return false;
    await insertFlow(tx, flow.flow, flow.signers, flow.fields);
    await addFlowJobs(context, tx, flow);
    const { notifyUrl } = command;
    const result = { ok: true as const, flowId: key.flowId };
    const notified = await notify.flowCreated(tx, { notifyUrl, flowRequestId, result, at });
    await recordAct(
      tx,
      {
        ...key,
        signerId: null,
        kind: 'created',
        actor: 'system',
        at,
        file: { fileId, sha256 },
        detail: { flowRequestId, fileName: command.fileName },
      },
      { action: 'sign_flow.create', detail: { fileId, notification: notified.kind } },
    );
    const signers = await signersOf(tx, key);
    const opened = await findFlow(tx, key);
    if (opened)
      await sendLinks(
        context,
        tx,
        opened,
        signers.filter((signer) => signer.state === 'signing'),
      );
    return true;
  });
  // Another run was faster: its file counts, and nothing names this one.
  if (!made) await context.documents.discardFile({ appId, fileId });
}

/** The jobs that a new flow needs: to sign what is silent and in turn, and to expire. */
export async function addFlowJobs(context: SigningContext, tx: Transaction, { flow }: NewFlow): Promise<void> {
  const key = { appId: flow.app_id, flowId: flow.flow_id };
  if (flow.silent_in_turn) await addAdvanceJob(context, tx, key);
  if (flow.sign_validity !== null) {
    const jobKey = `${JOB.expire}:${key.appId}:${key.flowId}`;
    await context.jobs.add(tx, JOB.expire, key, { runAt: flow.sign_validity, key: jobKey });
  }
}
