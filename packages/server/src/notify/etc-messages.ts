/**
 * The notifications of contracts/etc-notify.md (seed 000) as the exact JSON that is sent: keys in the order of the
 * seed's samples, lengths as the contract limits them. Pure.
 */
import { chinaDateTime } from '../platform/clock.ts';

/** The `api_callback_code` of a flow's end; `auth_process` is the literal of the seed's sample. */
export type FlowEndedCode = 'sign_process' | 'auth_process';

/** What a one-step creation came to. `reason` is for a person: Chinese, 64 characters at most. */
export type FlowCreated = {
  /** The flow's own notifyUrl; null is the app's. */
  notifyUrl: string | null;
  flowRequestId: string;
  result: { ok: true; flowId: string } | { ok: false; reason: string };
  at: Date;
};

/** A flow that ended. */
export type FlowEnded = {
  notifyUrl: string | null;
  flowId: string;
  /** The document's subject: business_scence (sic). */
  subject: string;
  outcome: 'done' | 'revoked' | 'expired' | 'refused';
  /** The newest revision of its document. */
  fileId: string;
  createdAt: Date;
  endedAt: Date;
};

/** The flow of a receipt that ended. */
export type ReceiptEnded = Pick<FlowEnded, 'flowId' | 'outcome' | 'endedAt'> & {
  notifyUrl: string;
  /** Opens the signed receipt for a while. */
  fileUrl: string;
};

/** A company's verification that ended. */
export type VerificationEnded = {
  notifyUrl: string | null;
  etcMemberNo: string;
  /** The company's default seal. */
  orgSealUrl: string;
  result: { ok: true } | { ok: false; reason: string };
  at: Date;
};

/**
 * A body to send. `tooLong` names the ids and URLs that are longer than the contract allows: they are sent whole,
 * since a cut one would be wrong, and whoever sends it logs the defect.
 */
export type EtcMessage = { content: string; tooLong: readonly string[] };

/** create_sign_process says this of a flow that was made. */
const CREATED_MESSAGE = '发起成功';

/** flow_status and status_description by outcome. */
const OUTCOMES = {
  done: { status: '2', description: '完成' },
  revoked: { status: '3', description: '撤销' },
  expired: { status: '5', description: '过期' },
  refused: { status: '7', description: '拒签' },
} as const;

/** Characters at most, by field (contracts/etc-notify.md). Java counts UTF-16 units, so that is what we count. */
const TEXT_MAX = { message: 256, createdMessage: 64, subject: 32 } as const;
const ID_MAX = { flow_id: 32, flow_request_id: 32, etc_member_no: 32, org_seal_url: 500 } as const;

/**
 * `text` cut to at most `unitsMax` UTF-16 units, never inside a surrogate pair.
 *
 * @example cutText('印😀', 2) // '印'
 */
export function cutText(text: string, unitsMax: number): string {
  if (text.length <= unitsMax) return text;
  const last = text.charCodeAt(unitsMax - 1);
  const splitsPair = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, splitsPair ? unitsMax - 1 : unitsMax);
}

function tooLong(ids: Partial<Record<keyof typeof ID_MAX, string>>): string[] {
  return Object.entries(ids)
    .filter(([name, value]) => value.length > ID_MAX[name as keyof typeof ID_MAX])
    .map(([name]) => name);
}

function envelope(code: string, payload: object, failure: string | null, at: Date): string {
  return JSON.stringify({
    api_callback_code: code,
    data: payload,
    status: failure === null ? 'succeeded' : 'failed',
    message: failure === null ? '' : cutText(failure, TEXT_MAX.message),
    timestamp: at.getTime(),
  });
}

/** create_sign_process. A creation that failed has no flow: its flow_id is empty. */
export function flowCreatedMessage(event: FlowCreated): EtcMessage {
  const { result, flowRequestId } = event;
  const flowId = result.ok ? result.flowId : '';
  const payload = {
    flow_id: flowId,
    flow_request_id: flowRequestId,
    success_flag: result.ok,
    message: result.ok ? CREATED_MESSAGE : cutText(result.reason, TEXT_MAX.createdMessage),
  };
  return {
    content: envelope('create_sign_process', payload, result.ok ? null : result.reason, event.at),
    tooLong: tooLong({ flow_id: flowId, flow_request_id: flowRequestId }),
  };
}

/**
 * sign_process. `at` is when it happened, which for us is `endedAt`; the seed's sample has two different times.
 * `status` is succeeded for every way of ending, as the flow's end is what is told; flow_status says which one it was.
 */
export function flowEndedMessage(event: FlowEnded & { code: FlowEndedCode; at: Date }): EtcMessage {
  const outcome = OUTCOMES[event.outcome];
  const payload = {
    business_scence: cutText(event.subject, TEXT_MAX.subject),
    status_description: outcome.description,
    create_time: chinaDateTime(event.createdAt),
    action: 'SIGN_FLOW_FINISH',
    end_time: chinaDateTime(event.endedAt),
    flow_status: outcome.status,
    flow_id: event.flowId,
    timestamp: event.endedAt.getTime(),
  };
  return { content: envelope(event.code, payload, null, event.at), tooLong: tooLong({ flow_id: event.flowId }) };
}

/** Between the tries of a receipt's notification: three after the first. */
export const RECEIPT_DELAYS_MS: readonly number[] = [60_000, 300_000, 1_800_000];

/** What is told of a receipt: four fields and no envelope (contracts/etc-notify.md, receipt flows). */
export function receiptEndedMessage(event: ReceiptEnded): EtcMessage {
  const content = JSON.stringify({
    sign_end_time: chinaDateTime(event.endedAt),
    sign_flow_status: OUTCOMES[event.outcome].status,
    sign_flow_id: event.flowId,
    sign_file_url: event.fileUrl,
  });
  return { content, tooLong: [] };
}

/** auth_process: a verification ended. */
export function verificationEndedMessage(event: VerificationEnded): EtcMessage {
  const payload = { etc_member_no: event.etcMemberNo, org_seal_url: event.orgSealUrl };
  const failure = event.result.ok ? null : event.result.reason;
  return { content: envelope('auth_process', payload, failure, event.at), tooLong: tooLong(payload) };
}
