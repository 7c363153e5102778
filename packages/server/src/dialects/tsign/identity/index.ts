import type { Identity } from '../../../identity/index.ts';
import type { TsignRoute } from '../route.ts';
import { accountFactors } from './account-factors.ts';
import { detail } from './detail.ts';
import { fourFactors } from './four-factors.ts';
import { letterTemplate } from './letter-template.ts';
import { outline } from './outline.ts';
import { reversePayment } from './reverse-payment.ts';
import { reversePaymentProcess } from './reverse-payment-process.ts';
import { subbranch } from './subbranch.ts';
import { threeFactors } from './three-factors.ts';
import { transferProcess } from './transfer-process.ts';
import { transferRandomAmount } from './transfer-random-amount.ts';
import { verifyRandomAmount } from './verify-random-amount.ts';

/** Company verification over the e签宝 API (contracts/tsign-identity.md). */
export function identityRoutes(identity: Identity): TsignRoute[] {
  return [
    threeFactors(identity),
    fourFactors(identity),
    accountFactors(identity, 3),
    accountFactors(identity, 4),
    reversePayment(identity),
    reversePaymentProcess(identity),
    letterTemplate(identity),
    transferRandomAmount(identity),
    verifyRandomAmount(identity),
    transferProcess(identity),
    subbranch(identity),
    detail(identity),
    outline(identity),
  ];
}
