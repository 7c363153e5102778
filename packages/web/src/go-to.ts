import type { Step } from '../../server/src/dialects/member/contract.ts';

/** Shows another step than the service's; null ends that. */
export type GoTo = (step: Step | null) => void;
