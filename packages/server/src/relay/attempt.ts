import { hash } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';
import { EgressError, type Egress, type EgressAnswer, type EgressPeer } from '../platform/egress/index.ts';
import { randomAlphanumeric } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import { judgeAnswer, type AnswerRules } from './acknowledge.ts';
import type { CalleeKeys } from './callee-keys.ts';
import type { Attempt } from './delivery.ts';
import { attemptUrl } from './destination.ts';
import { sealEnvelope } from './envelope.ts';
import { encryptBody } from './payload-encryption.ts';
import { PROFILES, type Profile } from './profiles.ts';
import type { RelayKeys, RelayLimits } from './relay.ts';
import type { Outcome } from './retry-policy.ts';
import { standardWebhookHeaders } from './standard-webhooks.ts';
import type { LeasedDelivery } from './store.ts';
import { tsignHeaders } from './tsign-headers.ts';

export interface AttemptDependencies {
  readonly egress: Egress;
  readonly clock: Clock;
  readonly keys: RelayKeys;
  readonly calleeKeys: CalleeKeys;
  readonly log: Logger;
  readonly limits: Pick<RelayLimits, 'attemptTimeoutMs' | 'answerBytesMax' | 'answerBytesKept'>;
  readonly nodeName: string;
}

const NONCE_LENGTH = 6;
/** W3C Trace Context, version 00. */
const TRACE_PARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
/** What no destination can be reached by, however often it is tried. */
const REFUSED_CODES = new Set<string>(['url_invalid', 'request_invalid']);

/** Sends a leased delivery once and judges the answer. Never rejects: whatever goes wrong is the attempt's outcome. */
export async function makeAttempt(
  dependencies: AttemptDependencies,
  delivery: LeasedDelivery,
): Promise<{ outcome: Outcome; record: Attempt }> {
  const { egress, clock, log, limits } = dependencies;
  const { destination } = delivery;
  const startedAt = clock.now();
  const startedMs = performance.now();
  const profile = PROFILES[destination?.profile ?? delivery.profile];
  const { url } = attemptUrl(delivery, destination);
  let peer: EgressPeer | null = null;
  let requestSha256: Buffer | null = null;
  let answer: EgressAnswer | null = null;
  let outcome: Outcome;
  try {
    const tls = destination === null ? undefined : dependencies.calleeKeys.tlsIdentity(destination);
    const { headers, body } = await composeRequest(dependencies, delivery, { profile, url, at: startedAt });
    requestSha256 = hash('sha256', body, 'buffer');
    answer = await egress.request({
      method: 'POST',
      url,
      headers,
      body,
      totalTimeoutMs: timeoutMs(delivery, profile, limits),
      responseBytesMax: limits.answerBytesMax,
      onOverflow: 'truncate',
      onPeer: (reached) => {
        peer = reached;
      },
      ...(tls !== undefined && { tls }),
    });
    outcome = judgeAnswer(answerRules(delivery, profile), answer, clock.now());
  } catch (error) {
    if (error instanceof EgressError) {
      // A name that leads to a forbidden address today may lead elsewhere tomorrow; an address in the URL will not.
      const isForGood = REFUSED_CODES.has(error.code) || !egress.checkUrl(url).ok;
      outcome = { kind: isForGood ? 'refused' : 'unacknowledged', reason: error.code };
    } else {
      log.error({ err: error, requestId: delivery.requestId }, 'an attempt could not be made');
      outcome = { kind: 'unacknowledged', reason: 'internal_error' };
    }
  }
  const reached: EgressPeer | null = answer ?? peer;
  const record: Attempt = {
    number: delivery.attempts,
    startedAt,
    durationMs: Math.round(performance.now() - startedMs),
    outcome: outcome.kind,
    status: answer?.status ?? null,
    reason: outcome.kind === 'acknowledged' ? null : outcome.reason,
    answer: answer?.body.subarray(0, limits.answerBytesKept) ?? null,
    url,
    remoteAddress: reached?.remoteAddress ?? null,
    tlsFingerprint: fingerprintOf(reached),
    requestSha256,
    node: dependencies.nodeName,
  };
  return { outcome, record };
}

function fingerprintOf(peer: EgressPeer | null): Buffer | null {
  return peer === null || peer.tlsFingerprint === null ? null : Buffer.from(peer.tlsFingerprint, 'hex');
}

/** The destination's own, else the profile's, and never more than the relay's. */
function timeoutMs(
  { destination }: LeasedDelivery,
  profile: Profile,
  { attemptTimeoutMs }: Pick<RelayLimits, 'attemptTimeoutMs'>,
): number {
  return Math.min(attemptTimeoutMs, destination?.attemptTimeoutMs ?? profile.attemptTimeoutMs ?? attemptTimeoutMs);
}

function answerRules({ requestId, destination }: LeasedDelivery, profile: Profile): AnswerRules {
  const acknowledge = destination?.acknowledge ?? profile.acknowledge;
  // A callee whose profile has no rule is not stored without one of its own.
  if (acknowledge === null) throw new TypeError(`delivery ${requestId} has no rule of acknowledgement`);
  return { acknowledge, refuse: destination?.refuse ?? null, retryAfter: destination?.retryAfter ?? null };
}

/** The request of one attempt. Signatures cover the bytes that are sent: encryption comes first. */
async function composeRequest(
  { keys, calleeKeys }: AttemptDependencies,
  delivery: LeasedDelivery,
  { profile, url, at }: { profile: Profile; url: string; at: Date },
): Promise<{ headers: Record<string, string>; body: Buffer }> {
  const { appId, destination, traceParent } = delivery;
  const plain =
    profile.body === 'content'
      ? Buffer.from(delivery.content, 'utf8')
      : await sealEnvelope({
          content: delivery.content,
          messageType: delivery.messageType,
          at,
          nonce: randomAlphanumeric(NONCE_LENGTH),
          key: (destination === null ? null : calleeKeys.bodyKey(destination)) ?? (await keys.bodyKey(appId)),
          signType: destination?.signType ?? 'RSA',
        });
  const encrypter = destination === null ? null : calleeKeys.encrypter(destination);
  const body = encrypter === null ? plain : encryptBody(plain, encrypter);
  const webhookKeys = await calleeKeys.webhookKeys(destination, at, () => keys.webhookSecret(appId));
  const headers = {
    'content-type': encrypter === null ? 'application/json; charset=utf-8' : 'application/jose',
    ...standardWebhookHeaders(delivery.requestId, at, body, webhookKeys),
    ...(traceParent !== null && TRACE_PARENT.test(traceParent) && { traceparent: traceParent }),
    ...(profile.signedBy === 'app-secret' && tsignHeaders({ appId, url, body, at }, await keys.secretOf(appId))),
  };
  return { headers, body };
}
