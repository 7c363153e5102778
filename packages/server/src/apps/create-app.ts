import { canonicalCidr } from '../platform/cidr.ts';
import { appInvalid, EVERY_GRANT } from './app.ts';
import type { App, CreateAppInput } from './app.ts';
import { readPublicKey } from './keys.ts';

const NAME_CHARACTERS_MAX = 64;
const NOTIFY_URL_LENGTH_MAX = 512;
const ALLOW_IPS_MAX = 100;
const GRANTS_MAX = 200;
const API_CODE = /^[A-Za-z][A-Za-z0-9_.]{0,63}$/;
const RATE_PER_SECOND_DEFAULT = 200;
const RATE_PER_SECOND_LIMIT = 100_000;

/**
 * Checks what an operator asks for and fills in the defaults. Fields are named as the command line and the admin API
 * name them. The relay key is made afterwards: a faulty request is not worth one.
 *
 * @throws DomainError `app_invalid` {field, expected} at the first fault
 */
export function newApp(input: CreateAppInput, made: { appId: string; createdAt: Date }): Omit<App, 'relayPublicKey'> {
  const ratePerSecondMax = input.ratePerSecondMax ?? RATE_PER_SECOND_DEFAULT;
  if (!Number.isInteger(ratePerSecondMax) || ratePerSecondMax < 1 || ratePerSecondMax > RATE_PER_SECOND_LIMIT) {
    throw appInvalid('rate_per_second_max', `a whole number from 1 to ${RATE_PER_SECOND_LIMIT}`);
  }
  return {
    appId: made.appId,
    name: checkedName(input.name),
    publicKey: readPublicKey(input.publicKey, input.allowWeakKey ?? false),
    signType: input.signType ?? 'RSA2',
    allowIps: checkedCidrs(input.allowIps ?? []),
    notifyUrl: input.notifyUrl === undefined ? null : checkedNotifyUrl(input.notifyUrl),
    grants: checkedGrants(input.grants ?? []),
    notifyCode: input.notifyCode ?? 'sign_process',
    allowWeakKey: input.allowWeakKey ?? false,
    refuseNestedParams: input.refuseNestedParams ?? false,
    ratePerSecondMax,
    disabledAt: null,
    createdAt: made.createdAt,
  };
}

function checkedName(name: string): string {
  const trimmed = name.trim();
  const length = Array.from(trimmed).length;
  if (length < 1 || length > NAME_CHARACTERS_MAX || !trimmed.isWellFormed() || /\p{Cc}/u.test(trimmed)) {
    throw appInvalid('name', `1 to ${NAME_CHARACTERS_MAX} characters without control characters`);
  }
  return trimmed;
}

function checkedCidrs(entries: readonly string[]): readonly string[] {
  if (entries.length > ALLOW_IPS_MAX) throw appInvalid('allow_ips', `at most ${ALLOW_IPS_MAX} entries`);
  const canonical = entries.map((entry) => {
    const cidr = canonicalCidr(entry);
    if (cidr === undefined) throw appInvalid('allow_ips', 'IP addresses or CIDRs such as 10.0.0.0/8');
    return cidr;
  });
  return [...new Set(canonical)];
}

/** @throws DomainError `app_invalid` unless it is an http(s) URL without credentials. */
export function checkedNotifyUrl(notifyUrl: string): string {
  const url = URL.parse(notifyUrl);
  // The parser forgives white space and backslashes; outgoing requests do not (platform/egress).
  const isPlain = !/[\p{Cc}\p{White_Space}\\]/u.test(notifyUrl);
  const isWeb = isPlain && url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
  if (!isWeb || notifyUrl.length > NOTIFY_URL_LENGTH_MAX) {
    throw appInvalid('notify_url', `an http or https URL of at most ${NOTIFY_URL_LENGTH_MAX} characters`);
  }
  return notifyUrl;
}

function checkedGrants(grants: readonly string[]): readonly string[] {
  if (grants.length === 0) return [EVERY_GRANT];
  const distinct = [...new Set(grants)];
  if (distinct.includes(EVERY_GRANT)) {
    if (distinct.length > 1) throw appInvalid('grants', `${EVERY_GRANT} alone, or api codes`);
    return distinct;
  }
  if (distinct.length > GRANTS_MAX || distinct.some((grant) => !API_CODE.test(grant))) {
    throw appInvalid('grants', `at most ${GRANTS_MAX} api codes such as esign.signflows.query`);
  }
  return distinct;
}
