import type { FastifyRequest } from 'fastify';
import { cookieOf } from '../../http/cookie.ts';
import { createRateLimiter } from '../../http/rate-limit.ts';
import { addressKey } from '../../platform/cidr.ts';
import type { MemberKey } from '../../identity/index.ts';
import type { Clock } from '../../platform/clock.ts';
import { equalConstantTime } from '../../platform/constant-time.ts';
import { SESSION_HEADER } from './contract.ts';
import { Refusal } from './refusal.ts';
import { openSession, SESSION_COOKIE, type Session } from './session.ts';

export interface MemberLimits {
  /** Requests a second from one address that show neither a session nor a token that holds. */
  readonly unprovenPerSecondPerAddressMax: number;
  readonly requestsPerSecondPerMemberMax: number;
}

/** Whose page a request comes from, and whether it comes too fast. Each of them throws `Refusal`. */
export interface RequestSessions {
  /** Before anything else: the request counts against its address. */
  arrive(request: FastifyRequest): void;
  /** The request turned out to be this member's: it counts against the member and no longer against the address. */
  known(request: FastifyRequest, member: MemberKey): void;
  /** The session of the cookie. */
  read(request: FastifyRequest): Session;
  /** The session of the cookie, which must be the one of the page that asks; `given` is how the page names it. */
  own(request: FastifyRequest, given?: string): Session;
}

export function createRequestSessions({
  clock,
  sessionKey,
  limits,
}: {
  clock: Clock;
  sessionKey: Buffer;
  limits: MemberLimits;
}): RequestSessions {
  const addresses = createRateLimiter();
  const members = createRateLimiter();

  function known(request: FastifyRequest, { appId, etcMemberNo }: MemberKey): void {
    addresses.giveBack(addressKey(request.ip), limits.unprovenPerSecondPerAddressMax);
    if (!members.take(`${appId}:${etcMemberNo}`, limits.requestsPerSecondPerMemberMax, clock.now().getTime()))
      throw tooFast();
  }

  function read(request: FastifyRequest): Session {
    const cookie = cookieOf(request.headers.cookie, SESSION_COOKIE);
    const session = cookie === undefined ? undefined : openSession(cookie, clock.now(), sessionKey);
    if (session === undefined) throw new Refusal(401, { error: 'session_missing', message: 'open the page anew' });
    known(request, session);
    return session;
  }

  return {
    arrive(request) {
      if (!addresses.take(addressKey(request.ip), limits.unprovenPerSecondPerAddressMax, clock.now().getTime()))
        throw tooFast();
    },
    known,
    read,
    own(request, given) {
      const session = read(request);
      const named = given ?? request.headers[SESSION_HEADER];
      if (typeof named === 'string' && equalConstantTime(named, session.session)) return session;
      throw new Refusal(409, { error: 'session_replaced', message: 'another session was opened in this browser' });
    },
  };
}

function tooFast(): Refusal {
  return new Refusal(429, { error: 'too_many_requests', message: 'wait a moment before the next request' });
}
