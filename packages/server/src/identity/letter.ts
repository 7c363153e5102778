import { inTransactionRetried } from '../platform/database/index.ts';
import { readPicture } from '../documents/index.ts';
import { assertOpen, keyOf, refused, type IdentityContext } from './context.ts';
import { audit, verifyFlow } from './end-flow.ts';
import type { OperatorAct } from './identity.ts';
import { letterPdf } from './letter-pdf.ts';
import { attachLetter } from './reverse-payment.ts';
import { findFlow, lockFlow, setLetterTemplate, updateFlow } from './store.ts';
import type { FlowRow } from './tables.ts';
import type { FlowKey } from './terms.ts';

const LETTER_BYTES_MAX = 10 * 1024 * 1024;
/** A page of A3 at 600 dots an inch has 9,921 by 7,016; a browser that is shown more may run out of memory. */
const LETTER_SIDE_PIXELS_MAX = 12_000;
const LETTER_PIXELS_MAX = 80_000_000;

/** What of these bytes is a letter: a PDF, or a PNG or JPEG up to its end. Undefined where they are none. */
function letterOf(bytes: Buffer): Buffer | undefined {
  if (bytes.length > LETTER_BYTES_MAX) return undefined;
  if (bytes.subarray(0, 5).toString('latin1') === '%PDF-') return bytes;
  const picture = readPicture(bytes);
  if (picture === undefined) return undefined;
  const { widthPixels, heightPixels, byteLength } = picture;
  const isShowable =
    Math.max(widthPixels, heightPixels) <= LETTER_SIDE_PIXELS_MAX && widthPixels * heightPixels <= LETTER_PIXELS_MAX;
  return isShowable ? bytes.subarray(0, byteLength) : undefined;
}

/**
 * A letter of authorisation with the company's data; made once for a flow, its link anew each time.
 *
 * @throws DomainError verification_not_found, _ended, _expired, seal_character_missing
 */
export async function letterTemplate(context: IdentityContext, key: FlowKey): Promise<{ fileUrl: string }> {
  const { db, clock, documents, parties, seals } = context;
  const { appId } = key;
  const flow = await findFlow(db, key);
  assertOpen(flow, key, clock.now());
  if (flow.letter_template_id !== null) {
    return { fileUrl: documents.fileUrl({ appId, fileId: flow.letter_template_id }) };
  }
  const member = flow.etc_member_no === null ? undefined : await parties.findMember(db, appId, flow.etc_member_no);
  const bytes = await letterPdf(
    {
      flowId: flow.flow_id,
      companyName: flow.company_name,
      orgCode: flow.org_code,
      legalRepName: flow.legal_rep_name,
      agentName: member?.member.memberName ?? null,
      at: clock.now(),
    },
    (text, fontSize) => seals.writing(text, fontSize),
  );
  const { fileId } = await documents.storeFile({ appId, fileName: '企业对公打款认证授权书.pdf', bytes });
  await setLetterTemplate(db, key, fileId);
  return { fileUrl: documents.fileUrl({ appId, fileId }) };
}

/**
 * A signed letter, as a PDF or a scan, is put before the operators.
 *
 * @throws DomainError identity_invalid {file}, verification_not_found, _ended, _expired
 */
export async function submitLetter(
  context: IdentityContext,
  { fileName, bytes, actor, ...key }: FlowKey & { fileName: string; bytes: Buffer; actor: string },
): Promise<void> {
  const letter = letterOf(bytes);
  if (letter === undefined) throw refused('identity_invalid', { field: 'file', reason: 'format' });
  assertOpen(await findFlow(context.db, key), key, context.clock.now());
  const { fileId } = await context.documents.storeFile({ appId: key.appId, fileName, bytes: letter });
  await inTransactionRetried(context.db, async (tx) => {
    const flow = await lockFlow(tx, key);
    assertOpen(flow, key, context.clock.now());
    await attachLetter(context, tx, flow, { fileId, actor });
  });
}

/** An operator reads the letter: the company sees that it is in review. */
export async function openLetter(
  { db, clock, documents }: IdentityContext,
  { actor, ...key }: FlowKey & { actor: string },
): Promise<{ fileUrl: string }> {
  return inTransactionRetried(db, async (tx) => {
    const flow = await lockFlow(tx, key);
    const fileId = flow?.letter_file_id ?? null;
    if (flow === undefined || fileId === null) throw refused('letter_not_waiting', { flowId: key.flowId });
    const at = clock.now();
    if (flow.letter_status === 'INIT') await updateFlow(tx, key, { letter_status: 'ING', modified_at: at });
    await audit(tx, flow, 'verification.open_letter', { actor, detail: { fileId } }, at);
    return { fileUrl: documents.fileUrl({ appId: key.appId, fileId }) };
  });
}

/** The letter holds; a payment that waited for it verifies the company now. */
export async function acceptLetter(context: IdentityContext, act: OperatorAct): Promise<void> {
  const key = { appId: act.appId, flowId: act.flowId };
  const notify = await context.notify.forApp(act.appId);
  await inTransactionRetried(context.db, async (tx) => {
    const at = context.clock.now();
    const flow = waiting(await lockFlow(tx, key), key);
    assertOpen(flow, key, at);
    const change = { letter_status: 'SUCCESS', letter_opinion: act.reason, modified_at: at } as const;
    const accepted = await updateFlow(tx, key, change);
    const { actor, reason } = act;
    await audit(tx, flow, 'verification.accept_letter', { actor, detail: { reason } }, at);
    if (flow.payment !== 'held') return;
    await verifyFlow(context, tx, accepted, {
      authType: 'ORGANIZATION_REVERSE_PAYMENT',
      change: { payment: 'paid' },
      act: { actor, detail: { transactionId: flow.transaction_id } },
      notify,
    });
  });
}

/** The letter does not hold; the reason is told to the company, which may hand in another one. */
export async function refuseLetter({ db, clock }: IdentityContext, act: OperatorAct): Promise<void> {
  const key = { appId: act.appId, flowId: act.flowId };
  await inTransactionRetried(db, async (tx) => {
    const at = clock.now();
    const flow = waiting(await lockFlow(tx, key), key);
    await updateFlow(tx, keyOf(flow), { letter_status: 'FAIL', letter_opinion: act.reason, modified_at: at });
    const { actor, reason } = act;
    await audit(tx, flow, 'verification.refuse_letter', { actor, detail: { reason } }, at);
  });
}

function waiting(flow: FlowRow | undefined, { flowId }: FlowKey): FlowRow {
  if (flow === undefined) throw refused('verification_not_found', { flowId });
  if (flow.letter_status !== 'INIT' && flow.letter_status !== 'ING') throw refused('letter_not_waiting', { flowId });
  return flow;
}
