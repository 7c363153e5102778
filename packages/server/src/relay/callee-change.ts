import { checkDelays, checkMatchRule, checkRefuseRules, checkRetryAfter, isJsonPath } from './callee-checks.ts';
import { calleeInvalid, SHARED_CALLEES, type CalleeChange, type CalleeName, type CalleeSettings } from './callee.ts';
import { isProfileName, PROFILES, PROFILE_NAMES } from './profiles.ts';

/** What a new destination begins with. */
const FRESH: Omit<CalleeSettings, 'url'> = {
  urlPinning: 'newest',
  profile: 'etc-relay',
  signType: 'RSA',
  enabled: true,
  acknowledge: null,
  refuse: null,
  retryAfter: null,
  delaysMs: null,
  attemptTimeoutMs: null,
  inFlightMax: null,
  ratePerSecond: null,
  circuit: null,
  orderingKeyPath: null,
  orderingKeyHeader: null,
  latestOnly: false,
};

const IN_FLIGHT_MAX = 10_000;
const RATE_MIN = 0.01;
const RATE_MAX = 100_000;
const FAILURES_MAX = 10_000;
const COOL_DOWN_MS_MIN = 100;
const COOL_DOWN_MS_MAX = 3_600_000;
const ATTEMPT_TIMEOUT_MS_MIN = 100;
const HEADER_NAME = /^[a-z0-9-]{1,64}$/;

/** @throws DomainError callee_invalid */
export function checkName({ appId, calleeNo }: CalleeName): void {
  if (!/^[\w.-]{1,64}$/.test(calleeNo)) throw calleeInvalid('callee_no', '1 to 64 letters, digits, . _ or -');
  if (appId !== SHARED_CALLEES && !/^[A-Z0-9]{16}$/.test(appId)) {
    throw calleeInvalid('app_id', '16 upper-case letters and digits, or *');
  }
}

/**
 * Applies a change to what is stored (null for a new callee) and checks the whole. The URL is checked by the caller,
 * who has the address rules, and keys and certificates elsewhere.
 *
 * @param limits the relay's own, which no destination goes beyond
 * @throws DomainError callee_invalid
 */
export function applyChange(
  stored: CalleeSettings | null,
  change: CalleeChange,
  limits: { readonly attemptTimeoutMs: number },
): CalleeSettings {
  checkName(change);
  const url = change.url ?? stored?.url;
  if (url === undefined) throw calleeInvalid('url', 'an http or https URL; a new callee needs one');
  const settings = { ...FRESH, ...stored, url };
  const profile = change.profile ?? settings.profile;
  if (!isProfileName(profile)) throw calleeInvalid('profile', `one of ${PROFILE_NAMES.join(', ')}`);
  const signType = change.signType ?? settings.signType;
  if (signType !== 'RSA' && signType !== 'RSA2') throw calleeInvalid('sign_type', 'RSA or RSA2');
  const urlPinning = change.urlPinning ?? settings.urlPinning;
  if (urlPinning !== 'newest' && urlPinning !== 'pinned') throw calleeInvalid('url_pinning', 'newest or pinned');
  const acknowledge = either(change.acknowledge, settings.acknowledge);
  if (acknowledge !== null) checkMatchRule('acknowledge', acknowledge);
  if (acknowledge === null && PROFILES[profile].acknowledge === null) {
    throw calleeInvalid('acknowledge', `a rule: the profile ${profile} has none of its own`);
  }
  const refuse = either(change.refuse, settings.refuse);
  if (refuse !== null) checkRefuseRules(refuse);
  const retryAfter = either(change.retryAfter, settings.retryAfter);
  if (retryAfter !== null) checkRetryAfter(retryAfter);
  const delaysMs = either(change.delaysMs, settings.delaysMs);
  if (delaysMs !== null) checkDelays(delaysMs);
  return {
    url,
    urlPinning,
    profile,
    signType,
    enabled: change.enabled ?? settings.enabled,
    acknowledge,
    refuse: refuse?.length === 0 ? null : refuse,
    retryAfter,
    delaysMs,
    ...changeLimits(settings, change, limits),
    ...changeOrder(settings, change),
  };
}

type LimitSettings = Pick<CalleeSettings, 'attemptTimeoutMs' | 'inFlightMax' | 'ratePerSecond' | 'circuit'>;

function changeLimits(
  settings: LimitSettings,
  change: CalleeChange,
  limits: { readonly attemptTimeoutMs: number },
): LimitSettings {
  const attemptTimeoutMs = either(change.attemptTimeoutMs, settings.attemptTimeoutMs);
  checkWhole('attempt_timeout_ms', attemptTimeoutMs, ATTEMPT_TIMEOUT_MS_MIN, limits.attemptTimeoutMs);
  const inFlightMax = either(change.inFlightMax, settings.inFlightMax);
  checkWhole('in_flight_max', inFlightMax, 1, IN_FLIGHT_MAX);
  const ratePerSecond = either(change.ratePerSecond, settings.ratePerSecond);
  if (ratePerSecond !== null && !(ratePerSecond >= RATE_MIN && ratePerSecond <= RATE_MAX)) {
    throw calleeInvalid('rate_per_second', `a number from ${RATE_MIN} to ${RATE_MAX}`);
  }
  const circuit = either(change.circuit, settings.circuit);
  if (circuit === null || circuit === 'off') return { attemptTimeoutMs, inFlightMax, ratePerSecond, circuit };
  const { failures, coolDownMs } = circuit;
  checkWhole('circuit.failures', failures, 1, FAILURES_MAX);
  checkWhole('circuit.cool_down_ms', coolDownMs, COOL_DOWN_MS_MIN, COOL_DOWN_MS_MAX);
  return { attemptTimeoutMs, inFlightMax, ratePerSecond, circuit: { failures, coolDownMs } };
}

type OrderSettings = Pick<CalleeSettings, 'orderingKeyPath' | 'orderingKeyHeader' | 'latestOnly'>;

function changeOrder(settings: OrderSettings, change: CalleeChange): OrderSettings {
  const { orderingKeyPath: path, orderingKeyHeader: header } = change;
  if (typeof path === 'string' && typeof header === 'string') {
    throw calleeInvalid('ordering_key_header', 'left out where ordering_key_path is given: a message has one key');
  }
  const orderingKeyPath = typeof header === 'string' ? null : either(path, settings.orderingKeyPath);
  if (orderingKeyPath !== null && !isJsonPath(orderingKeyPath)) {
    throw calleeInvalid('ordering_key_path', 'up to 10 keys joined by dots, such as data.flow_id');
  }
  const orderingKeyHeader =
    typeof path === 'string' ? null : (either(header, settings.orderingKeyHeader)?.toLowerCase() ?? null);
  if (orderingKeyHeader !== null && !HEADER_NAME.test(orderingKeyHeader)) {
    throw calleeInvalid('ordering_key_header', 'the name of a request header: 1 to 64 letters, digits or hyphens');
  }
  const latestOnly = change.latestOnly ?? settings.latestOnly;
  if (latestOnly && orderingKeyPath === null && orderingKeyHeader === null) {
    throw calleeInvalid('latest_only', 'used with ordering_key_path or ordering_key_header');
  }
  return { orderingKeyPath, orderingKeyHeader, latestOnly };
}

/** What a change says of a setting that may be null, or what stands. */
function either<T>(changed: T | null | undefined, stands: T | null): T | null {
  return changed === undefined ? stands : changed;
}

function checkWhole(field: string, value: number | null, min: number, max: number): void {
  if (value === null || (Number.isSafeInteger(value) && value >= min && value <= max)) return;
  throw calleeInvalid(field, `a whole number from ${min} to ${max}`);
}
