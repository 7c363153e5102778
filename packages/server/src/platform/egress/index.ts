export type { Lookup } from './connector.ts';
export { createEgress, type EgressOptions } from './create.ts';
export { EgressError } from './egress.ts';
export type {
  Egress,
  EgressAnswer,
  EgressErrorCode,
  EgressPeer,
  EgressRequest,
  EgressStage,
  UrlCheck,
} from './egress.ts';
export type { TlsIdentity } from './tls-identity.ts';
