import type { Api } from './api.ts';
import { appNotifyGet } from './api/app-notify-get.ts';
import { appNotifySave } from './api/app-notify-save.ts';
import { esignAccountIndivDelete } from './api/esign-account-indiv-delete.ts';
import { esignContractOrder } from './api/esign-contract-order.ts';
import { esignContractSurplus } from './api/esign-contract-surplus.ts';
import { esignSealPending } from './api/esign-seal-pending.ts';
import { esignSealReview } from './api/esign-seal-review.ts';
import { esignSignflowsCreateFlowOneStep } from './api/esign-signflows-create-flow-one-step.ts';
import { esignSignflowsDocuments } from './api/esign-signflows-documents.ts';
import { esignSignflowsPdf2img } from './api/esign-signflows-pdf2img.ts';
import { esignSignflowsQuery } from './api/esign-signflows-query.ts';
import { esignSignflowsRevoke } from './api/esign-signflows-revoke.ts';
import { esignSignflowsReceiptCreate } from './api/esign-signflows-receipt-create.ts';
import { esignSignflowsReceiptDownload } from './api/esign-signflows-receipt-download.ts';
import { esignSignflowsRushsign } from './api/esign-signflows-rushsign.ts';
import { esignVerifyIndivBase } from './api/esign-verify-indiv-base.ts';
import { esignVerifyIndivTelecom3Factors } from './api/esign-verify-indiv-telecom3-factors.ts';
import { esignVerifyOrgBase } from './api/esign-verify-org-base.ts';
import { esignVerifyOrgBureau4Factors } from './api/esign-verify-org-bureau4-factors.ts';
import { gatewayGetToken } from './api/gateway-get-token.ts';
import { partnerMemberCreate } from './api/partner-member-create.ts';
import { partnerOrgCreate } from './api/partner-org-create.ts';
import { partnerOrgGetOrgAuthStatus } from './api/partner-org-get-org-auth-status.ts';
import { partnerOrgSaveOrgAuthInfo } from './api/partner-org-save-org-auth-info.ts';

/** Every api code this gateway answers; any other is 404001. */
export const APIS: ReadonlyMap<string, Api> = new Map(
  [
    partnerOrgCreate,
    partnerMemberCreate,
    partnerOrgGetOrgAuthStatus,
    appNotifySave,
    appNotifyGet,
    esignSignflowsCreateFlowOneStep,
    esignSignflowsQuery,
    esignSignflowsRevoke,
    esignSignflowsDocuments,
    esignVerifyOrgBase,
    esignVerifyIndivBase,
    esignVerifyOrgBureau4Factors,
    esignVerifyIndivTelecom3Factors,
    partnerOrgSaveOrgAuthInfo,
    gatewayGetToken,
    esignContractSurplus,
    esignContractOrder,
    esignSealPending,
    esignSealReview,
    esignSignflowsRushsign,
    esignSignflowsPdf2img,
    esignAccountIndivDelete,
    esignSignflowsReceiptCreate,
    esignSignflowsReceiptDownload,
  ].map((api) => [api.apiCode, api]),
);
