/**
 * Durable delivery: a message that was accepted reaches its destination or is known to have failed. This file is the
 * capability's whole public face.
 */
export type { AcknowledgeRule, RefuseRule, RetryAfterRule } from './acknowledge.ts';
export { SHARED_CALLEES } from './callee.ts';
export type { BodySignType, Callee, CalleeChange, CalleeUrl, SecretKind } from './callee.ts';
export { DELIVERY_STATES } from './delivery.ts';
export type { Attempt, Delivery, DeliveryState } from './delivery.ts';
export type { ProfileName } from './profiles.ts';
export { DEFAULT_LIMITS, DEFAULT_RETENTION } from './relay.ts';
export type {
  AcceptedMessage,
  AcceptResult,
  EnqueuedMessage,
  Relay,
  RelayErrorCode,
  RelayKeys,
  RelayLimits,
  RelayRetention,
} from './relay.ts';
export { createRelay, RELAY_POOL_SETTINGS } from './commands.ts';
export type { RelayDependencies, RelayPools } from './commands.ts';
export type { DeliveryFilter, SearchErrorCode } from './search.ts';
export { createRelayOperations } from './operations.ts';
export { createSpanMetrics } from './metrics.ts';
export { createSpanExporter, postToCollector } from './trace-exporter.ts';
export type { SpanExporter } from './trace-exporter.ts';
export type { RelayOperations } from './operations.ts';
export type { ChainFault, ChainProgress, ChainReport } from './chain-verification.ts';
export type { Evidence } from './evidence.ts';
export type { LaneListing } from './lane-store.ts';
export type { ReplayFilter, ReplayProgress } from './replay-many.ts';
export { standardWebhookHeaders, webhookSecretKey } from './standard-webhooks.ts';
