import { Type } from 'typebox';
import { defineApi } from '../api.ts';
import { flag, oneOf, text, webUrl } from '../parameters.ts';

/**
 * Issues a receipt by template T001 (contracts/etc-gateway.md, esign.signflows.receipt.create). The contract gives no
 * lengths for its thirteen fields; these are what its page holds. The optional etc_org_no and etc_member_no are ours.
 */
export const esignSignflowsReceiptCreate = defineApi({
  apiCode: 'esign.signflows.receipt.create',
  params: Type.Object({
    notify_url: webUrl(128),
    sign_template_code: Type.Optional(oneOf(['T001'])),
    auto_execute: Type.Optional(flag()),
    etc_org_no: Type.Optional(text(32)),
    etc_member_no: Type.Optional(text(32)),
    biz_params: Type.Object({
      T001001: text(64),
      T001002: text(32),
      T001003: text(64),
      T001004: text(32),
      T001005: text(64),
      T001006: text(32),
      T001007: text(64),
      T001008: text(32),
      T001009: text(32),
      T001010: text(64),
      T001011: text(4),
      T001012: text(2),
      T001013: text(2),
    }),
  }),
  run: async ({ app, receipts, actor }, params) => {
    const { biz_params: biz } = params;
    const { flowId } = await receipts.create({
      appId: app.appId,
      etcOrgNo: params.etc_org_no ?? null,
      etcMemberNo: params.etc_member_no ?? null,
      notifyUrl: params.notify_url,
      autoExecute: params.auto_execute ?? true,
      facts: {
        number: biz.T001001,
        arrivalDate: biz.T001002,
        payer: biz.T001003,
        method: biz.T001004,
        amountInWords: biz.T001005,
        amountInFigures: biz.T001006,
        contractNumber: biz.T001007,
        merchantType: biz.T001008,
        signDate: biz.T001009,
        contractName: biz.T001010,
        issueYear: biz.T001011,
        issueMonth: biz.T001012,
        issueDay: biz.T001013,
      },
      actor,
    });
    return { sign_flow_id: flowId };
  },
});
