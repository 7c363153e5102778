import type { BankTransaction, Claim, PaymentListener, PaymentOrder, Verdict } from '../bank/index.ts';
import type { Transaction } from '../platform/database/index.ts';
import { flowOwner, isOver, keyOf, sealText, type IdentityContext } from './context.ts';
import { audit, reopenFlow, verifyFlow, type Act } from './end-flow.ts';
import { judgePayment, type PaymentState, type PaymentStep } from './flow.ts';
import { lockFlow, lockFlowOfSubAccount, updateFlow, type FlowChange } from './store.ts';
import type { FlowRow } from './tables.ts';

const BANK = 'bank';

/** What the bank calls, in the transaction that stores a payment. */
export function createPaymentListener(context: IdentityContext): PaymentListener {
  return {
    async claimOf(tx, subAccount): Promise<Claim | null> {
      const flow = await lockFlowOfSubAccount(tx, subAccount);
      if (flow?.state !== 'open' || isOver(flow, context.clock.now()) || flow.ordered_at === null) return null;
      return {
        appId: flow.app_id,
        flowId: flow.flow_id,
        companyName: flow.company_name,
        openedAt: flow.ordered_at,
      };
    },

    async paymentArrived(tx, claim, transaction, verdict, standIn = null) {
      const flow = await lockFlow(tx, claim);
      if (flow === undefined) throw new Error(`a payment for a flow that is not there: ${claim.flowId}`);
      const step = await takePayment(context, tx, flow, transaction, verdict, standIn);
      if (standIn === null || step !== 'fail') return;
      const failed = (await lockFlow(tx, claim)) ?? flow;
      await takePayment(context, tx, failed, standIn, { kind: 'paid' });
    },

    async paymentOrderEnded(tx, order) {
      const flow = await lockFlow(tx, order);
      if (flow === undefined) throw new Error(`a payment order for a flow that is not there: ${order.flowId}`);
      await noteOrder(context, tx, flow, order);
    },
  };
}

async function takePayment(
  context: IdentityContext,
  tx: Transaction,
  flow: FlowRow,
  transaction: BankTransaction,
  verdict: Verdict,
  standIn: BankTransaction | null = null,
): Promise<PaymentStep['kind']> {
  // Time that is over counts as an end, whether the sweep has been here or not.
  const state = isOver(flow, context.clock.now()) ? 'expired' : flow.state;
  const facts = { ...factsOf(flow), state };
  const step = judgePayment(facts, transaction.transactionId, verdict);
  const act: Act = {
    actor: BANK,
    detail: { transactionId: transaction.transactionId, bizFlowNo: transaction.bizFlowNo, verdict },
  };
  const at = context.clock.now();
  switch (step.kind) {
    case 'verify': {
      const change = paymentChange(context, flow, transaction, 'paid', at);
      const notify = await context.notify.forApp(flow.app_id, tx);
      await verifyFlow(context, tx, flow, { authType: 'ORGANIZATION_REVERSE_PAYMENT', change, act, notify });
      break;
    }
    case 'reopen':
      if (standIn !== null) {
        // It stays verified, by the other payment: nothing ends, so nobody is told.
        await updateFlow(tx, keyOf(flow), paymentChange(context, flow, standIn, 'paid', at));
        const detail = { ...act.detail, standIn: standIn.transactionId };
        await audit(tx, flow, 'verification.replace_payment', { ...act, detail }, at);
        break;
      }
      await reopenFlow(context, tx, flow, { act, notify: await context.notify.forApp(flow.app_id, tx) });
      break;
    case 'hold':
      await updateFlow(tx, keyOf(flow), paymentChange(context, flow, transaction, 'held', at));
      await audit(tx, flow, 'verification.hold_payment', act, at);
      break;
    case 'review':
      await updateFlow(tx, keyOf(flow), paymentChange(context, flow, transaction, 'review', at));
      await audit(tx, flow, 'verification.review_payment', act, at);
      break;
    case 'fail': {
      const change = paymentChange(context, flow, transaction, 'failed', at);
      await updateFlow(tx, keyOf(flow), { ...change, payment_failure: step.reason });
      await audit(tx, flow, 'verification.fail_payment', act, at);
      break;
    }
    case 'ignore': {
      const detail = { ...act.detail, why: step.why };
      await audit(tx, flow, 'verification.ignore_payment', { ...act, detail }, at);
    }
  }
  return step.kind;
}

function factsOf(flow: FlowRow) {
  return {
    state: flow.state,
    payment: flow.payment,
    letterStatus: flow.letter_status,
    transactionId: flow.transaction_id,
  };
}

/** The payment as it stands in the flow's row. */
function paymentChange(
  context: Pick<IdentityContext, 'vault'>,
  flow: FlowRow,
  transaction: BankTransaction,
  payment: PaymentState,
  at: Date,
): FlowChange {
  const { payerAccountNo } = transaction;
  return {
    payment,
    payment_failure: null,
    amount_fen: transaction.amountFen,
    payer_name: transaction.payerName,
    payer_account_sealed:
      payerAccountNo === null ? null : sealText(context, flowOwner(keyOf(flow)), 'payer_account', payerAccountNo),
    payer_bank_name: transaction.payerBankName,
    traded_at: transaction.tradedAt,
    biz_flow_no: transaction.bizFlowNo,
    transaction_id: transaction.transactionId,
    paid_at: at,
    modified_at: at,
  };
}

/** A transfer of a random amount was executed, or could not be: the queries read it of the bank's order. */
async function noteOrder(context: IdentityContext, tx: Transaction, flow: FlowRow, order: PaymentOrder): Promise<void> {
  const at = context.clock.now();
  await updateFlow(tx, keyOf(flow), { modified_at: at });
  const detail = { orderId: order.orderId, state: order.state };
  await audit(tx, flow, 'verification.transfer_settled', { actor: BANK, detail }, at);
}
