import { X509Certificate } from 'node:crypto';
import { createAddressPolicy } from './address.ts';
import type { Lookup } from './connector.ts';
import { EgressError, type Egress, type EgressAnswer, type EgressRequest } from './egress.ts';
import { checkRequest } from './request-check.ts';
import type { Transport, TransportLimits } from './transport.ts';
import { checkUrl } from './url.ts';

export interface EgressOptions extends Partial<TransportLimits> {
  /** Ranges such as 10.0.0.0/8 that the operator permits although they are not public. */
  readonly allowCidrs: readonly string[];
  /** Certificates (PEM) of private authorities, trusted beside the usual ones. */
  readonly extraCaPem?: string;
  /** For requests that name none; a connection attempt as such ends after it too. */
  readonly connectTimeoutMs?: number;
  readonly userAgent?: string;
  /** In place of the system's resolver. Its answers are judged like any. */
  readonly lookup?: Lookup;
}

const CONNECT_TIMEOUT_MS = 5_000;
const LIMITS: TransportLimits = {
  originsMax: 1_000,
  connectionsPerOriginMax: 128,
  waitingPerOriginMax: 10_000,
  responseHeaderBytesMax: 16_384,
  keepAliveMs: 4_000,
  connectionLifeMs: 300_000,
};

/**
 * The one way out (design.md, rule 6). Environment variables for proxies are not looked at, no content encoding is asked
 * for or undone, and no redirect is followed. undici is loaded with the first request: it takes 80 ms.
 *
 * @throws Error when a range or a certificate cannot be read.
 * @example
 * const egress = createEgress({ allowCidrs: [] });
 * const answer = await egress.request({ method: 'GET', url, totalTimeoutMs: 30_000, responseBytesMax: 52_428_800 });
 */
export function createEgress(options: EgressOptions): Egress {
  const policy = createAddressPolicy(options.allowCidrs);
  if (options.extraCaPem !== undefined) assertCertificates(options.extraCaPem);
  const connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  const userAgent = options.userAgent ?? 'Yinxin';

  let transport: Transport | undefined;
  let opening: Promise<Transport> | undefined;
  let requestsUnderWay = 0;
  let closed = false;
  const lastRequest = Promise.withResolvers<void>();

  async function open(): Promise<Transport> {
    const [{ createConnect, lookupBySystem }, { Transport }] = await Promise.all([
      import('./connector.ts'),
      import('./transport.ts'),
    ]);
    const lookup = options.lookup ?? lookupBySystem;
    const connectAs = createConnect({ policy, lookup, extraCaPem: options.extraCaPem, connectTimeoutMs });
    transport = new Transport(connectAs, { ...LIMITS, ...options });
    return transport;
  }

  async function request(asked: EgressRequest): Promise<EgressAnswer> {
    if (closed) throw new EgressError('aborted', 'before');
    const headers = checkRequest(asked, userAgent);
    const checked = checkUrl(asked.url, policy);
    if (!checked.ok) throw new EgressError(checked.code, 'before', { reason: checked.reason });
    requestsUnderWay += 1;
    try {
      const opened = transport ?? (await (opening ??= open()));
      if (asked.signal?.aborted === true) throw new EgressError('aborted', 'before');
      const origin = opened.originOf(checked.url, asked.tls);
      return await origin.send({ request: asked, url: checked.url, headers, connectTimeoutMs });
    } finally {
      requestsUnderWay -= 1;
      if (closed && requestsUnderWay === 0) lastRequest.resolve();
    }
  }

  async function close(): Promise<void> {
    closed = true;
    if (requestsUnderWay === 0) lastRequest.resolve();
    await lastRequest.promise;
    await transport?.destroy();
  }

  return { request, checkUrl: (url) => checkUrl(url, policy), close };
}

/** Each certificate of the bundle is read, so that a broken one is told at start and not at the first handshake. */
function assertCertificates(pem: string): void {
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (certificates.length === 0) throw new Error('the additional certificates hold no PEM certificate');
  const unreadable = certificates.findIndex((certificate) => !isCertificate(certificate));
  if (unreadable >= 0) throw new Error(`certificate ${unreadable + 1} of the additional certificates cannot be read`);
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}
