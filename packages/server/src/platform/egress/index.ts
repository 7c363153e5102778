export { EgressError } from './egress.ts';
export type { Egress, EgressAnswer, EgressErrorCode, EgressRequest, EgressStage, UrlCheck } from './egress.ts';
