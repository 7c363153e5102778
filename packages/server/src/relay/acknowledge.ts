import type { Outcome } from './retry-policy.ts';

/**
 * When an answer means "I have it". `text` and `json` ask for HTTP 200 as well, unless `statuses` says otherwise.
 *
 * @example { kind: 'json', path: 'data.result', value: 'ok' } // {"data":{"result":"ok"}}
 */
export type AcknowledgeRule =
  | { readonly kind: 'status'; readonly statuses: readonly number[] }
  /** The body is this text and nothing more; white space around it does not count. */
  | { readonly kind: 'text'; readonly text: string; readonly statuses?: readonly number[] }
  /** The body is a JSON object in which `path` (keys joined by dots) is `value`: `"000"` is not `0`. */
  | {
      readonly kind: 'json';
      readonly path: string;
      readonly value: string | number | boolean;
      readonly statuses?: readonly number[];
    };

/** When an answer means "never again": written as a rule of acknowledgement, but without `statuses` any status fits. */
export type RefuseRule = AcknowledgeRule;

/** When an answer names the least wait before the next attempt. */
export interface RetryAfterRule {
  /** With which statuses the header Retry-After counts; 429 and 503 unless they are named. */
  readonly statuses?: readonly number[];
  /** Keys joined by dots: where the answer's JSON holds a number of seconds, with whatever status. */
  readonly path?: string;
}

export interface DestinationAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Buffer;
  /** The body was longer than what was read of it. */
  readonly truncated: boolean;
}

const GONE = 410;
/** The statuses with which Retry-After is meant for a sender of messages: too many requests, unavailable. */
const RETRY_AFTER_STATUSES = new Set([429, 503]);
const DEFAULT_STATUSES: readonly number[] = [200];

/**
 * Judges an answer by the destination's rule. A bare 2xx is a failure where the rule asks for more (contracts/relay.md,
 * Acknowledged); 410 ends the delivery.
 */
export function judgeAnswer(rule: AcknowledgeRule, answer: DestinationAnswer, now: Date): Outcome {
  if (answer.status === GONE) return { kind: 'refused', reason: 'gone' };
  const statuses = rule.statuses ?? DEFAULT_STATUSES;
  if (!statuses.includes(answer.status)) {
    const retryAfterMs = RETRY_AFTER_STATUSES.has(answer.status) ? retryAfter(answer.headers, now) : null;
    const reason = `status_${answer.status}`;
    return { kind: 'unacknowledged', reason, ...(retryAfterMs === null ? {} : { retryAfterMs }) };
  }
  if (rule.kind === 'status' || bodySays(rule, answer)) return { kind: 'acknowledged' };
  return { kind: 'unacknowledged', reason: 'not_acknowledged' };
}

function bodySays(rule: Exclude<AcknowledgeRule, { kind: 'status' }>, answer: DestinationAnswer): boolean {
  if (answer.truncated) return false;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(answer.body);
  } catch {
    return false;
  }
  if (rule.kind === 'text') return text.trim() === rule.text.trim();
  let at: unknown;
  try {
    at = JSON.parse(text);
  } catch {
    return false;
  }
  for (const key of rule.path.split('.')) {
    if (at === null || typeof at !== 'object' || Array.isArray(at) || !Object.hasOwn(at, key)) return false;
    at = (at as Record<string, unknown>)[key];
  }
  return at === rule.value;
}

/** Retry-After in milliseconds from now: seconds, or an HTTP date (RFC 9110, 10.2.3). Null where it says neither. */
function retryAfter(headers: DestinationAnswer['headers'], now: Date): number | null {
  const value = headers['retry-after'];
  const text = (Array.isArray(value) ? value[0] : value)?.trim();
  if (text === undefined) return null;
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1_000;
  if (!/^[A-Z][a-z]{2}, /.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - now.getTime());
}
