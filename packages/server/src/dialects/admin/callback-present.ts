import type { Attempt, Delivery } from '../../relay/index.ts';

export function presentDelivery(delivery: Delivery): Record<string, unknown> {
  return {
    request_id: delivery.requestId,
    app_id: delivery.appId,
    state: delivery.state,
    profile: delivery.profile,
    url: delivery.url,
    callee_no: delivery.calleeNo,
    caller_no: delivery.callerNo,
    message_type: delivery.messageType,
    ordering_key: delivery.orderingKey,
    attempts: delivery.attempts,
    reason: delivery.reason,
    accepted_at: delivery.acceptedAt,
    occurred_at: delivery.occurredAt,
    due_at: delivery.dueAt,
    ended_at: delivery.endedAt,
  };
}

export function presentAttempt(attempt: Attempt): Record<string, unknown> {
  return {
    number: attempt.number,
    url: attempt.url,
    started_at: attempt.startedAt,
    duration_ms: attempt.durationMs,
    outcome: attempt.outcome,
    status: attempt.status,
    reason: attempt.reason,
    answer: attempt.answer?.toString('utf8') ?? null,
    remote_address: attempt.remoteAddress,
    tls_fingerprint: attempt.tlsFingerprint?.toString('hex') ?? null,
    request_sha256: attempt.requestSha256?.toString('hex') ?? null,
    node: attempt.node,
  };
}
