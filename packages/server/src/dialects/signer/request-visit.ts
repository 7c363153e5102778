import type { FastifyRequest } from 'fastify';
import { cookieOf } from '../../http/cookie.ts';
import { createRateLimiter } from '../../http/rate-limit.ts';
import { addressKey } from '../../platform/cidr.ts';
import type { Clock } from '../../platform/clock.ts';
import { equalConstantTime } from '../../platform/constant-time.ts';
import type { Signers, Visit } from '../../signing/index.ts';
import { SIGNER_SESSION_HEADER } from './contract.ts';
import { Refusal } from './refusal.ts';

export const SIGNER_COOKIE = 'yinxin_sign';
const COOKIE_LENGTH_MAX = 256;

export interface SignerLimits {
  /** Requests a second from one address that show neither a session nor a token that holds. */
  readonly unprovenPerSecondPerAddressMax: number;
  /** Requests a second of one signer's page, its pictures included. */
  readonly requestsPerSecondPerMemberMax: number;
}

/** Whose page a request comes from, and whether it comes too fast. Each of them throws `Refusal`. */
export interface RequestVisits {
  /** Before anything else: the request counts against its address. */
  arrive(request: FastifyRequest): void;
  /** The request turned out to be this signer's: it counts against them and no longer against the address. */
  known(request: FastifyRequest, key: { appId: string; signerId: string }): void;
  /** The visit of the cookie, which must be that of the page that asks; `given` is how its address names it. */
  own(request: FastifyRequest, given?: string): Promise<Visit>;
}

/** Where a request came from, as the acts record it. */
export function fromOf(request: FastifyRequest): { ip: string; userAgent: string | null } {
  return { ip: request.ip, userAgent: request.headers['user-agent'] ?? null };
}

export function createRequestVisits({
  signers,
  clock,
  limits,
}: {
  signers: () => Pick<Signers, 'visit'>;
  clock: Clock;
  limits: SignerLimits;
}): RequestVisits {
  const addresses = createRateLimiter();
  const people = createRateLimiter();

  function known(request: FastifyRequest, { appId, signerId }: { appId: string; signerId: string }): void {
    addresses.giveBack(addressKey(request.ip), limits.unprovenPerSecondPerAddressMax);
    if (!people.take(`${appId}:${signerId}`, limits.requestsPerSecondPerMemberMax, clock.now().getTime())) {
      throw tooFast();
    }
  }

  return {
    arrive(request) {
      if (!addresses.take(addressKey(request.ip), limits.unprovenPerSecondPerAddressMax, clock.now().getTime())) {
        throw tooFast();
      }
    },
    known,
    async own(request, given) {
      const cookie = cookieOf(request.headers.cookie, SIGNER_COOKIE);
      const isReadable = cookie !== undefined && cookie.length <= COOKIE_LENGTH_MAX;
      const visit = isReadable ? await signers().visit(cookie, fromOf(request)) : undefined;
      if (visit === undefined) throw new Refusal(401, { error: 'session_missing', message: 'open the link anew' });
      const { app_id: appId, signer_id: signerId, session_id: session } = visit.session;
      known(request, { appId, signerId });
      const named = given ?? request.headers[SIGNER_SESSION_HEADER];
      if (typeof named === 'string' && equalConstantTime(named, session)) return visit;
      throw new Refusal(409, { error: 'session_replaced', message: 'another link was opened in this browser' });
    },
  };
}

function tooFast(): Refusal {
  const message = 'wait a moment before the next request';
  return new Refusal(429, { error: 'too_many_requests', message, retryAfter: 1 });
}
