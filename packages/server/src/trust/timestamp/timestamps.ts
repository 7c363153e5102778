import type { Clock } from '../../platform/clock.ts';
import { TimestampError } from './fault.ts';
import { encodeQuery } from './query.ts';
import { readTimestampResponse } from './token.ts';
import { verifyTimestamp } from './verify.ts';

/** Somebody who answers a TimeStampReq with a TimeStampResp. */
export type TimestampService = {
  /** For logs and `yinxin doctor`; no secret in it. */
  name: string;
  /** Of this installation: it proves no more than its own clock does. */
  builtIn: boolean;
  /** Rejects where there is no answer. */
  request(query: Buffer): Promise<Buffer>;
  /** Whom to trust, DER; undefined believes whoever answers under the URL. */
  roots: (() => Promise<readonly Buffer[]>) | undefined;
  /** Policy to ask for. */
  policy: string | undefined;
};

/** A token that was checked, or why there is none. */
export type TimestampAnswer =
  | {
      kind: 'token';
      /** TimeStampToken. */
      der: Buffer;
      time: Date;
      /** DER, the service's own certificate first. */
      chain: readonly Buffer[];
      /** When the first of them ends. */
      notAfter: Date;
      service: string;
    }
  | { kind: 'unavailable'; reason: string };

export type Timestamps = {
  /** Asks one service after the other until one gives a token that holds. Never rejects. */
  timestamp(sha256: Buffer): Promise<TimestampAnswer>;
  /** No token that is answered is longer, in bytes. */
  readonly tokenBytesMax: number;
  /** In the order in which they are asked. */
  readonly services: readonly Pick<TimestampService, 'name' | 'builtIn' | 'roots'>[];
};

/** A token with three certificates of RSA-4096 takes 8 KB. Each signature of a PDF has room for this, in hexadecimal. */
const TOKEN_BYTES_MAX = 10 * 1024;
/** A token's time may be off from ours by so much, beside the time that the answer took. */
const TIME_TOLERANCE_MS = 5 * 60_000;
const NONCE_BYTES = 16;
/** After so many failures in a row a service is left alone for a while, so that signing does not wait for it. */
const FAILURES_MAX = 3;
const LEFT_ALONE_MS = 30_000;

type TimestampsOptions = {
  services: readonly TimestampService[];
  clock: Clock;
  randomBytes: (length: number) => Buffer;
  /** Told of each failure; `reason` holds no secret. */
  onFailure?: (service: string, reason: string) => void;
  tokenBytesMax?: number;
};

export function createTimestamps(options: TimestampsOptions): Timestamps {
  const { clock, randomBytes, onFailure, tokenBytesMax = TOKEN_BYTES_MAX } = options;
  const services = options.services.map((service) => ({ service, failures: 0, leftAloneUntil: 0 }));

  async function ask(service: TimestampService, sha256: Buffer) {
    const nonce = randomBytes(NONCE_BYTES);
    const { policy } = service;
    const asked = policy === undefined ? {} : { policy };
    const before = clock.now().getTime();
    const token = readTimestampResponse(await service.request(encodeQuery({ sha256, nonce, ...asked })));
    const after = clock.now().getTime();
    const roots = await service.roots?.();
    const verified = verifyTimestamp(token, {
      sha256,
      nonce: withoutLeadingZeros(nonce),
      ...asked,
      ...(roots && { roots }),
    });
    const time = token.time.getTime();
    if (time < before - TIME_TOLERANCE_MS || time > after + TIME_TOLERANCE_MS) throw new TimestampError('wrong_time');
    if (token.der.length > tokenBytesMax) throw new TimestampError('too_large');
    return { ...verified, service: service.name };
  }

  return {
    tokenBytesMax,
    services: options.services,
    async timestamp(sha256) {
      const reasons: string[] = [];
      for (const each of services) {
        if (each.leftAloneUntil > clock.now().getTime()) {
          reasons.push(`${each.service.name}: left alone after failures`);
          continue;
        }
        // Of a service that failed, one asks whether it is back; the others do not wait for the answer.
        if (each.failures >= FAILURES_MAX) each.leftAloneUntil = clock.now().getTime() + LEFT_ALONE_MS;
        try {
          const { token, chain, notAfter, service } = await ask(each.service, sha256);
          each.failures = 0;
          each.leftAloneUntil = 0;
          return { kind: 'token', der: token.der, time: token.time, chain, notAfter, service };
        } catch (error) {
          each.failures += 1;
          if (each.failures >= FAILURES_MAX) each.leftAloneUntil = clock.now().getTime() + LEFT_ALONE_MS;
          const reason = reasonOf(error);
          onFailure?.(each.service.name, reason);
          reasons.push(`${each.service.name}: ${reason}`);
        }
      }
      return { kind: 'unavailable', reason: reasons.join('; ') || 'no service is configured' };
    },
  };
}

function withoutLeadingZeros(bytes: Buffer): Buffer {
  const from = bytes.findIndex((byte) => byte !== 0);
  return from === -1 ? bytes.subarray(-1) : bytes.subarray(from);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : 'failed';
}
