import type { VerificationAnswer } from '../../server/src/dialects/member/contract.ts';
import { ApiError, type Api } from './api.ts';
import { endsSession } from './session.ts';
import { usePolledView, type PolledView } from './use-polled-view.ts';

export type Verification = PolledView<Api, VerificationAnswer, ApiError>;

const POLLING = {
  endsSession,
  /** Something happened meanwhile: the page shows it, and the form says why it did not go through. */
  isOutdated: (error: unknown): boolean => error instanceof ApiError && error.code === 'conflict',
  /** By itself it asks while there is a payment to wait for. */
  shouldGoOn: ({ step }: VerificationAnswer): boolean => step === 'transfer',
  fingerprint: (view: VerificationAnswer): string => JSON.stringify(view),
};

/** The view of the service, of the member's verification. */
export function useVerification(api: Api): Verification {
  return usePolledView(api, POLLING);
}
