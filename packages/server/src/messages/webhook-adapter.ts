import type { Clock } from '../platform/clock.ts';
import { EgressError, type Egress, type EgressAnswer } from '../platform/egress/index.ts';
import { standardWebhookHeaders, webhookSecretKey } from '../relay/index.ts';
import type { MessageAdapter, MessageOutcome } from './message.ts';

const TIMEOUT_MS = 15_000;
const ANSWER_BYTES_MAX = 16 * 1024;
const REFERENCE_LENGTH_MAX = 100;

/**
 * Posts each message as JSON to the operator's gateway for short messages, signed as Standard Webhooks 1.0.0 has it.
 * Any 2xx takes it; 408, 429 and 5xx are tried again; everything else refuses it.
 */
export function createWebhookAdapter(options: {
  egress: Pick<Egress, 'request'>;
  clock: Clock;
  url: string;
  /** `whsec_…` */
  secret: string;
}): MessageAdapter {
  const { egress, clock, url, secret } = options;
  return {
    name: 'webhook',
    reaches: ({ mobile, email }) => mobile !== undefined || email !== undefined,
    async send({ messageId, kind, language, to, subject, text, params }) {
      const { mobile = null, email = null } = to;
      const body = Buffer.from(JSON.stringify({ id: messageId, kind, language, mobile, email, subject, text, params }));
      const signed = standardWebhookHeaders(messageId, clock.now(), body, {
        hmac: [webhookSecretKey(secret)],
        ed25519: [],
      });
      try {
        return outcomeOf(
          await egress.request({
            method: 'POST',
            url,
            headers: { 'content-type': 'application/json', ...signed },
            body,
            totalTimeoutMs: TIMEOUT_MS,
            responseBytesMax: ANSWER_BYTES_MAX,
            onOverflow: 'truncate',
          }),
        );
      } catch (error) {
        if (error instanceof EgressError) return { kind: 'unreachable', reason: error.message };
        throw error;
      }
    },
  };
}

function outcomeOf({ status, body }: EgressAnswer): MessageOutcome {
  if (status >= 200 && status < 300) return { kind: 'taken', reference: referenceOf(body) };
  const reason = `the gateway answered HTTP ${status}`;
  const mayPass = status >= 500 || status === 408 || status === 429;
  return mayPass ? { kind: 'unreachable', reason } : { kind: 'refused', reason };
}

/** The number that the gateway gives the message, where its answer is JSON with an `id`. */
function referenceOf(body: Buffer): string | null {
  try {
    const answer = JSON.parse(body.toString()) as unknown;
    const id = answer !== null && typeof answer === 'object' && 'id' in answer ? answer.id : null;
    return typeof id === 'string' || typeof id === 'number' ? String(id).slice(0, REFERENCE_LENGTH_MAX) : null;
  } catch {
    return null;
  }
}
