import { AnswerBody } from './answer-body.ts';
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

/** What a destination's answers mean. */
export interface AnswerRules {
  readonly acknowledge: AcknowledgeRule;
  /** Looked at before `acknowledge`; the first that fits ends the delivery. */
  readonly refuse?: readonly RefuseRule[] | null;
  readonly retryAfter?: RetryAfterRule | null;
}

const GONE = 410;
/** The statuses with which Retry-After is meant for a sender of messages: too many requests, unavailable. */
const RETRY_AFTER_STATUSES: readonly number[] = [429, 503];
const DEFAULT_STATUSES: readonly number[] = [200];
/** Any longer wait is cut by the retry policy; this only keeps the arithmetic finite. */
const SECONDS_MAX = 1e9;

/**
 * Judges an answer by the destination's rules. A bare 2xx is a failure where the rule asks for more (contracts/relay.md,
 * Acknowledged); 410 ends the delivery whatever the rules say.
 */
export function judgeAnswer(rules: AnswerRules, answer: DestinationAnswer, now: Date): Outcome {
  if (answer.status === GONE) return { kind: 'refused', reason: 'gone' };
  const body = new AnswerBody(answer);
  if (rules.refuse?.some((rule) => fits(rule, rule.statuses, answer.status, body)) === true) {
    return { kind: 'refused', reason: 'refused_by_rule' };
  }
  const { acknowledge } = rules;
  const statuses = acknowledge.statuses ?? DEFAULT_STATUSES;
  if (fits(acknowledge, statuses, answer.status, body)) return { kind: 'acknowledged' };
  const reason = statuses.includes(answer.status) ? 'not_acknowledged' : `status_${answer.status}`;
  const retryAfterMs = leastWait(rules.retryAfter ?? null, answer, body, now);
  return { kind: 'unacknowledged', reason, ...(retryAfterMs === null ? {} : { retryAfterMs }) };
}

/** Whether an answer is as a rule says. @param statuses the statuses it may have; undefined: any */
function fits(
  rule: AcknowledgeRule,
  statuses: readonly number[] | undefined,
  status: number,
  body: AnswerBody,
): boolean {
  if (statuses !== undefined && !statuses.includes(status)) return false;
  if (rule.kind === 'status') return true;
  if (rule.kind === 'text') return body.text?.trim() === rule.text.trim();
  return body.at(rule.path) === rule.value;
}

/** The least wait that an answer names, in milliseconds; the longer one where header and body both do. */
function leastWait(rule: RetryAfterRule | null, answer: DestinationAnswer, body: AnswerBody, now: Date): number | null {
  const counts = (rule?.statuses ?? RETRY_AFTER_STATUSES).includes(answer.status);
  const byHeader = counts ? retryAfter(answer.headers, now) : null;
  const byBody = rule?.path === undefined ? null : secondsToMs(body.at(rule.path));
  return byHeader === null ? byBody : Math.max(byHeader, byBody ?? 0);
}

/** A number of seconds, or its decimal digits, in milliseconds. */
function secondsToMs(value: unknown): number | null {
  const isDigits = typeof value === 'string' && /^\d{1,10}(?:\.\d{1,3})?$/.test(value);
  const seconds = isDigits ? Number(value) : value;
  if (typeof seconds !== 'number' || !(seconds >= 0)) return null;
  return Math.round(Math.min(seconds, SECONDS_MAX) * 1_000);
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
