import type { AcknowledgeRule, RefuseRule, RetryAfterRule } from './acknowledge.ts';
import { calleeInvalid } from './callee.ts';

const DELAYS_MAX = 100;
const DELAY_MAX_MS = 7 * 24 * 3_600_000;
const RULE_TEXT_CHARACTERS_MAX = 1_000;
const REFUSE_RULES_MAX = 10;
const STATUS_MIN = 200;
const STATUS_MAX = 599;

/** Up to 10 keys joined by dots. Half a surrogate pair is no text that a column could hold. */
export function isJsonPath(path: unknown): path is string {
  return typeof path === 'string' && path.isWellFormed() && /^[^.]{1,64}(\.[^.]{1,64}){0,9}$/u.test(path);
}

/** @throws DomainError callee_invalid */
export function checkDelays(delaysMs: readonly number[]): void {
  const each = delaysMs.every((delay) => Number.isSafeInteger(delay) && delay >= 0 && delay <= DELAY_MAX_MS);
  if (!each || delaysMs.length > DELAYS_MAX) {
    throw calleeInvalid('delays_ms', `at most ${DELAYS_MAX} whole numbers of milliseconds, each at most 7 days`);
  }
}

/**
 * The rule may come from JSON that nobody has checked, so its shape is looked at as well.
 *
 * @throws DomainError callee_invalid
 */
export function checkMatchRule(field: 'acknowledge' | 'refuse', rule: AcknowledgeRule): void {
  const statuses: unknown = rule.statuses;
  if (statuses === undefined ? rule.kind === 'status' : !areStatuses(statuses)) throw statusesInvalid(field);
  switch (rule.kind) {
    case 'status':
      return;
    case 'text':
      if (typeof rule.text !== 'string' || !isShortText(rule.text)) {
        throw calleeInvalid(field, `text: at most ${RULE_TEXT_CHARACTERS_MAX} characters`);
      }
      return;
    case 'json':
      if (!isJsonPath(rule.path)) throw calleeInvalid(field, 'path: up to 10 keys joined by dots');
      if (!isScalar(rule.value)) {
        throw calleeInvalid(field, 'value: a string, number or boolean; a whole number within ±(2⁵³-1)');
      }
      return;
    default:
      throw calleeInvalid(field, 'kind: status, text or json');
  }
}

function isScalar(value: unknown): boolean {
  if (typeof value === 'string') return isShortText(value);
  // Beyond that several whole numbers are read as one, in the rule and in the answer alike.
  if (typeof value === 'number') return Number.isSafeInteger(value) || (Number.isFinite(value) && value % 1 !== 0);
  return typeof value === 'boolean';
}

function isShortText(text: string): boolean {
  return text.length <= RULE_TEXT_CHARACTERS_MAX && text.isWellFormed();
}

/** @throws DomainError callee_invalid */
export function checkRefuseRules(rules: readonly RefuseRule[]): void {
  if (rules.length > REFUSE_RULES_MAX) throw calleeInvalid('refuse', `at most ${REFUSE_RULES_MAX} rules`);
  for (const rule of rules) checkMatchRule('refuse', rule);
}

/** @throws DomainError callee_invalid */
export function checkRetryAfter({ statuses, path }: RetryAfterRule): void {
  if (statuses === undefined && path === undefined) throw calleeInvalid('retry_after', 'statuses, path or both');
  if (statuses !== undefined && !areStatuses(statuses)) throw statusesInvalid('retry_after');
  if (path !== undefined && !isJsonPath(path)) throw calleeInvalid('retry_after', 'path: up to 10 keys joined by dots');
}

function areStatuses(statuses: unknown): boolean {
  if (!Array.isArray(statuses) || statuses.length === 0 || new Set(statuses).size !== statuses.length) return false;
  return statuses.every((status: unknown) => Number.isInteger(status) && isStatus(Number(status)));
}

function isStatus(status: number): boolean {
  return status >= STATUS_MIN && status <= STATUS_MAX;
}

function statusesInvalid(field: string): ReturnType<typeof calleeInvalid> {
  return calleeInvalid(field, `statuses: a list of HTTP statuses from ${STATUS_MIN} to ${STATUS_MAX}, each once`);
}
