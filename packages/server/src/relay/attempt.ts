import type { Clock } from '../platform/clock.ts';
import { EgressError, type Egress, type EgressAnswer } from '../platform/egress/index.ts';
import { randomAlphanumeric } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import type { Vault } from '../platform/vault.ts';
import { judgeAnswer, type AcknowledgeRule } from './acknowledge.ts';
import type { Attempt } from './delivery.ts';
import { sealEnvelope } from './envelope.ts';
import { PROFILES, type Profile } from './profiles.ts';
import type { RelayKeys, RelayLimits } from './relay.ts';
import type { Outcome } from './retry-policy.ts';
import { openCalleeSecret } from './callee-store.ts';
import { standardWebhookHeaders } from './standard-webhooks.ts';
import type { LeasedDelivery } from './store.ts';
import { tsignHeaders } from './tsign-headers.ts';

export interface AttemptDependencies {
  readonly egress: Egress;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly keys: RelayKeys;
  readonly log: Logger;
  readonly limits: Pick<RelayLimits, 'attemptTimeoutMs' | 'answerBytesMax' | 'answerBytesKept'>;
  readonly nodeName: string;
}

const NONCE_LENGTH = 6;
/** What no destination can be reached by, however often it is tried. */
const REFUSED_CODES = new Set<string>(['address_forbidden', 'url_invalid', 'request_invalid']);

/** Sends a leased delivery once and judges the answer. Never rejects: whatever goes wrong is the attempt's outcome. */
export async function makeAttempt(
  dependencies: AttemptDependencies,
  delivery: LeasedDelivery,
): Promise<{ outcome: Outcome; record: Attempt }> {
  const startedAt = dependencies.clock.now();
  const startedMs = performance.now();
  let remoteAddress: string | null = null;
  let answer: EgressAnswer | null = null;
  let outcome: Outcome;
  const url = delivery.destination?.url ?? delivery.url;
  const { attemptTimeoutMs } = dependencies.limits;
  try {
    const { headers, body } = await composeRequest(dependencies, delivery, { url, at: startedAt });
    answer = await dependencies.egress.request({
      method: 'POST',
      url,
      headers,
      body,
      totalTimeoutMs: Math.min(attemptTimeoutMs, profileOf(delivery).attemptTimeoutMs ?? attemptTimeoutMs),
      responseBytesMax: dependencies.limits.answerBytesMax,
      onOverflow: 'truncate',
      onRemoteAddress: (address) => {
        remoteAddress = address;
      },
    });
    outcome = judgeAnswer(acknowledgeRule(delivery), answer, dependencies.clock.now());
  } catch (error) {
    if (error instanceof EgressError) {
      outcome = { kind: REFUSED_CODES.has(error.code) ? 'refused' : 'unacknowledged', reason: error.code };
    } else {
      dependencies.log.error({ err: error, requestId: delivery.requestId }, 'an attempt could not be made');
      outcome = { kind: 'unacknowledged', reason: 'internal_error' };
    }
  }
  const record: Attempt = {
    number: delivery.attempts,
    startedAt,
    durationMs: Math.round(performance.now() - startedMs),
    outcome: outcome.kind,
    status: answer?.status ?? null,
    reason: outcome.kind === 'acknowledged' ? null : outcome.reason,
    answer: answer?.body.subarray(0, dependencies.limits.answerBytesKept) ?? null,
    url,
    remoteAddress: answer?.remoteAddress ?? remoteAddress,
    node: dependencies.nodeName,
  };
  return { outcome, record };
}

function profileOf(delivery: LeasedDelivery): Profile {
  return PROFILES[delivery.destination?.profile ?? delivery.profile];
}

function acknowledgeRule(delivery: LeasedDelivery): AcknowledgeRule {
  const rule = delivery.destination?.acknowledge ?? profileOf(delivery).acknowledge;
  // A callee whose profile has no rule is not stored without one of its own.
  if (rule === null) throw new TypeError(`delivery ${delivery.requestId} has no rule of acknowledgement`);
  return rule;
}

async function composeRequest(
  dependencies: AttemptDependencies,
  delivery: LeasedDelivery,
  { url, at }: { url: string; at: Date },
): Promise<{ headers: Record<string, string>; body: Buffer }> {
  const { keys, vault } = dependencies;
  const { destination } = delivery;
  const profile = profileOf(delivery);
  const body =
    profile.body === 'content'
      ? Buffer.from(delivery.content, 'utf8')
      : await sealEnvelope({
          content: delivery.content,
          messageType: delivery.messageType,
          at,
          nonce: randomAlphanumeric(NONCE_LENGTH),
          key: await keys.bodyKey(delivery.appId),
          signType: destination?.signType ?? 'RSA',
        });
  const ownSecret = destination === null ? null : openCalleeSecret(vault, destination);
  const secret = ownSecret ?? (await keys.webhookSecret(delivery.appId));
  const { appId } = delivery;
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    ...standardWebhookHeaders(delivery.requestId, at, body, secret),
    ...(profile.signedBy === 'app-secret' && tsignHeaders({ appId, url, body, at }, await keys.secretOf(appId))),
  };
  return { headers, body };
}
