import type { TaskAnswer } from '../../../server/src/dialects/signer/contract.ts';
import type { SigningTexts } from './texts/zh.ts';

/** Who asks: the company, and its member where one is named. */
export function initiatorName({ initiator }: TaskAnswer, { task }: SigningTexts): string {
  return task.initiatorOf(initiator.companyName, initiator.memberName);
}

export function signerName({ signer }: TaskAnswer, { task }: SigningTexts): string {
  return signer.signsFor === null ? signer.name : task.signsFor(signer.name, signer.signsFor);
}
