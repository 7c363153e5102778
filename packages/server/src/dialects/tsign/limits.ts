import { createRateLimiter } from '../../http/rate-limit.ts';
import { addressKey } from '../../platform/cidr.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Arrival, Authenticator } from './authenticate.ts';
import { AuthenticationFailure, FAILURES } from './failures.ts';

export interface TsignLimits {
  /** Requests a second from one address that prove nobody: guesses, malformed ones, those for tokens. */
  readonly unprovenPerSecondPerAddressMax: number;
}

/** Counts a request before anything is looked up for it. @throws AuthenticationFailure tooFast */
export type AddressGate = (ip: string) => void;

/**
 * An authenticator that lets nobody in faster than he may come. A request counts against its address until it is proved
 * and against its app's own rate from then on, so that neither a stranger who names an app nor a busy partner behind the
 * same address uses up what belongs to another.
 */
export function limitRequests(
  inner: Authenticator,
  { limits, clock }: { limits: TsignLimits; clock: Clock },
): { authenticator: Authenticator; gate: AddressGate } {
  const addresses = createRateLimiter();
  const apps = createRateLimiter();
  const addressOf = new WeakMap<Arrival, string>();

  function count(ip: string): string {
    const key = addressKey(ip);
    if (!addresses.take(key, limits.unprovenPerSecondPerAddressMax, clock.now().getTime()))
      throw new AuthenticationFailure(FAILURES.tooFast);
    return key;
  }

  return {
    gate: (ip) => void count(ip),
    authenticator: {
      async arrive(head) {
        const key = count(head.ip);
        const arrival = await inner.arrive(head);
        addressOf.set(arrival, key);
        return arrival;
      },
      async prove(arrival, body) {
        const caller = await inner.prove(arrival, body);
        addresses.giveBack(addressOf.get(arrival) ?? '', limits.unprovenPerSecondPerAddressMax);
        const { appId, ratePerSecondMax } = caller.app;
        if (!apps.take(appId, ratePerSecondMax, clock.now().getTime())) {
          throw new AuthenticationFailure(FAILURES.tooFast);
        }
        return caller;
      },
    },
  };
}
