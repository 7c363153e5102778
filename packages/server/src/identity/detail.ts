import type { PaymentOrder } from '../bank/index.ts';
import { flowOwner, isOver, keyOf, openText, refused, type IdentityContext } from './context.ts';
import { statusOf } from './flow.ts';
import { maskIdNumber } from './mask.ts';
import { failureMessage } from './process-view.ts';
import { transferProcessOf } from './random-transfer.ts';
import { findFlow } from './store.ts';
import type { FlowRow } from './tables.ts';
import type { DetailView, FlowKey, FlowStatus, OutlineView } from './terms.ts';

const EXPIRED = '认证流程已失效';

/** @throws DomainError verification_not_found */
async function wanted({ db }: IdentityContext, key: FlowKey): Promise<FlowRow> {
  const flow = await findFlow(db, key);
  if (flow === undefined) throw refused('verification_not_found', { flowId: key.flowId });
  return flow;
}

function overallStatus(flow: FlowRow, now: Date): FlowStatus {
  const state = isOver(flow, now) ? 'expired' : flow.state;
  return statusOf({ state, isBegun: flow.sub_account_no !== null || flow.transfers > 0 });
}

function failReason(flow: FlowRow, now: Date): string | null {
  if (flow.state === 'verified') return null;
  if (isOver(flow, now)) return flow.end_reason ?? EXPIRED;
  if (flow.end_reason !== null) return flow.end_reason;
  return flow.payment_failure === null ? null : failureMessage(flow.payment_failure);
}

/** A flow with the company it is about. Answers in every state. */
export async function detail(context: IdentityContext, key: FlowKey): Promise<DetailView> {
  const flow = await wanted(context, key);
  const now = context.clock.now();
  const member =
    flow.etc_member_no === null
      ? undefined
      : await context.parties.findMember(context.db, key.appId, flow.etc_member_no);
  return {
    flowId: flow.flow_id,
    status: overallStatus(flow, now),
    objectType: 'ORGANIZATION',
    authType: flow.auth_type ?? begunType(flow),
    startTime: flow.created_at.getTime(),
    endTime: flow.ended_at?.getTime() ?? null,
    failReason: failReason(flow, now),
    organInfo: {
      accountId: flow.etc_org_no,
      name: flow.company_name,
      certNo: flow.org_code,
      certType: flow.org_code.length === 15 ? 'ORGANIZATION_REG_CODE' : 'ORGANIZATION_USC_CODE',
      legalRepName: flow.legal_rep_name,
      legalRepNationality: null,
      legalRepCertNo: legalRepIdNo(context, flow, false),
      legalRepCertType: flow.legal_rep_cert_type,
    },
    indivInfo:
      member === undefined
        ? null
        : {
            accountId: member.member.etcMemberNo,
            name: member.member.memberName,
            certNo: null,
            certType: null,
            nationality: null,
            mobileNo: null,
            bankCardNo: null,
            facePhotoUrl: null,
          },
  };
}

function begunType(flow: FlowRow): DetailView['authType'] {
  if (flow.transfers > 0) return 'ORGANIZATION_TRANSFER_RANDOM_AMOUNT';
  return flow.sub_account_no === null ? null : 'ORGANIZATION_REVERSE_PAYMENT';
}

/** The legal representative's number, masked unless it is `inFull`. */
export function legalRepIdNo(context: Pick<IdentityContext, 'vault'>, flow: FlowRow, inFull: boolean): string | null {
  if (flow.legal_rep_id_sealed === null) return null;
  const idNo = openText(context, flowOwner(keyOf(flow)), 'legal_rep_id', flow.legal_rep_id_sealed);
  return inFull ? idNo : maskIdNumber(idNo);
}

/** A flow with the steps it is made of. Answers in every state. */
export async function outline(context: IdentityContext, key: FlowKey): Promise<OutlineView> {
  const flow = await wanted(context, key);
  const now = context.clock.now();
  const flowStatus = overallStatus(flow, now);
  const order = flow.transfers === 0 ? null : await context.bank.orderOf(context.db, keyOf(flow));
  return {
    flowId: flow.flow_id,
    flowStatus,
    objectType: 'ORGANIZATION',
    contextId: flow.context_id,
    failReason: failReason(flow, now),
    createTime: flow.created_at.getTime(),
    modifyTime: flow.modified_at.getTime(),
    subFlows: subFlowsOf(flow, flowStatus, order),
    relatedFlows:
      flow.agent_flow_id === null
        ? []
        : [{ flowId: flow.agent_flow_id, flowStatus: null, objectType: 'INDIVIDUAL' as const }],
  };
}

/** Each step has the flow's own id and a digit: 1 the factors, 2 the reverse payment, 3 the transfer. */
function subFlowsOf(flow: FlowRow, status: FlowStatus, order: PaymentOrder | null): OutlineView['subFlows'] {
  const steps: OutlineView['subFlows'][number][] = [
    { subFlowId: `${flow.flow_id}1`, subFlowType: 'ORGANIZATION_INFO_AUTH', status: 'SUCCESS' },
  ];
  if (flow.sub_account_no !== null) {
    const ended = status === 'FAIL' ? 'FAIL' : 'ING';
    const verified = flow.auth_type === 'ORGANIZATION_REVERSE_PAYMENT';
    steps.push({
      subFlowId: `${flow.flow_id}2`,
      subFlowType: 'ORGANIZATION_REVERSE_PAYMENT',
      status: verified ? 'SUCCESS' : ended,
    });
  }
  if (flow.transfers > 0) {
    const process = transferProcessOf(flow, order);
    const verified = flow.auth_type === 'ORGANIZATION_TRANSFER_RANDOM_AMOUNT';
    const failed = status === 'FAIL' || process === 'PAID_FAILED';
    steps.push({
      subFlowId: `${flow.flow_id}3`,
      subFlowType: 'ORGANIZATION_TRANSFER_RANDOM_AMOUNT',
      status: verified ? 'SUCCESS' : failed ? 'FAIL' : 'ING',
    });
  }
  return steps;
}
