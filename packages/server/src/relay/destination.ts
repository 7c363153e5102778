import type { AcknowledgeRule, RefuseRule, RetryAfterRule } from './acknowledge.ts';
import type { BodySignType } from './callee.ts';
import type { CalleeCredentials } from './callee-credentials.ts';
import type { ProfileName } from './profiles.ts';

/** Where the retries of a message go: to the destination's present URL, or to the one it had when it was accepted. */
export type UrlPinning = 'newest' | 'pinned';

/** When a destination's circuit opens, and how long it stays open before one attempt is let through as a probe. */
export interface CircuitSettings {
  /** Attempts that failed one after the other. */
  readonly failures: number;
  readonly coolDownMs: number;
}

/** A registered destination as an attempt and the dispatcher need it. */
export interface Destination {
  readonly appId: string;
  readonly calleeNo: string;
  /** The newest one. */
  readonly url: string;
  /** Of `url`; 1 is the first. */
  readonly urlVersion: number;
  readonly urlPinning: UrlPinning;
  readonly profile: ProfileName;
  readonly signType: BodySignType;
  readonly enabled: boolean;
  readonly webhookSecretSealed: string | null;
  readonly credentials: CalleeCredentials | null;
  readonly acknowledge: AcknowledgeRule | null;
  /** An answer that one of them fits ends the delivery. */
  readonly refuse: readonly RefuseRule[] | null;
  /** Null: the header Retry-After with 429 and 503. */
  readonly retryAfter: RetryAfterRule | null;
  readonly delaysMs: readonly number[] | null;
  /** Null: the profile's, or the relay's. */
  readonly attemptTimeoutMs: number | null;
  /** Attempts under way at once, of all nodes together; null: the relay's default. */
  readonly inFlightMax: number | null;
  /** Attempts begun in a second, of all nodes together; null: as many as there are. */
  readonly ratePerSecond: number | null;
  /** Null: the relay's default. */
  readonly circuit: CircuitSettings | 'off' | null;
  /** Keys joined by dots into the message, such as `data.flow_id`; messages of one value go one after another. */
  readonly orderingKeyPath: string | null;
  /** Name of a request header, in lower case, in its place. */
  readonly orderingKeyHeader: string | null;
  /** Of the messages of one ordering key that wait, only the last is sent. */
  readonly latestOnly: boolean;
}

/** The columns of `callee` that make a `Destination`, as the arguments of `json_build_object`. */
export const DESTINATION_JSON = `'appId', callee.app_id, 'calleeNo', callee.callee_no, 'url', callee.url,
  'urlVersion', callee.url_version, 'urlPinning', callee.url_pinning,
  'profile', callee.profile, 'signType', callee.sign_type, 'enabled', callee.enabled,
  'webhookSecretSealed', callee.webhook_secret_sealed, 'credentials', callee.credentials,
  'acknowledge', callee.acknowledge_rule, 'refuse', callee.refuse_rules, 'retryAfter', callee.retry_after_rule,
  'delaysMs', callee.delays_ms, 'attemptTimeoutMs', callee.attempt_timeout_ms,
  'inFlightMax', callee.in_flight_max, 'ratePerSecond', callee.rate_per_second, 'circuit', callee.circuit,
  'orderingKeyPath', callee.ordering_key_path, 'orderingKeyHeader', callee.ordering_key_header,
  'latestOnly', callee.latest_only`;

/**
 * Where an attempt goes: a delivery to a bare URL has no other; one to a registered destination goes to the newest URL,
 * or to that of the time of acceptance where the destination pins it.
 *
 * @param delivery `url` as it was when the message was accepted, and its version
 */
export function attemptUrl(
  delivery: { readonly url: string; readonly urlVersion?: number | null },
  destination: Pick<Destination, 'url' | 'urlVersion' | 'urlPinning'> | null,
): { readonly url: string; readonly urlVersion: number | null } {
  if (destination === null) return { url: delivery.url, urlVersion: null };
  if (destination.urlPinning === 'newest') return { url: destination.url, urlVersion: destination.urlVersion };
  return { url: delivery.url, urlVersion: delivery.urlVersion ?? null };
}
