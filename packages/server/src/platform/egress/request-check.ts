import { EgressError, type EgressRequest } from './egress.ts';

/** Node's timers turn a longer delay into 1 ms. */
const TIMEOUT_MS_MAX = 2_147_483_647;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Visible characters, space, tab and Latin-1: what HTTP/1.1 can carry in a line (RFC 9110, 5.5). */
const HEADER_VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;

/** Ours to set: the host is the URL's, the framing is the body's, and the connection is shared with other requests. */
const OWN_HEADERS = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Checks a request apart from its URL and gives its header lines, names and values in turn.
 *
 * @throws EgressError `request_invalid`; its reason names the fault.
 */
export function checkRequest(request: EgressRequest, userAgent: string): string[] {
  const fault = faultOf(request);
  if (fault !== undefined) throw invalid(fault);
  const lines: string[] = ['accept-encoding', 'identity'];
  const names = new Set<string>();
  for (const [name, value] of Object.entries<unknown>(request.headers ?? {})) {
    const lowerCaseName = name.toLowerCase();
    if (!HEADER_NAME.test(name)) throw invalid('a header has an invalid name');
    if (OWN_HEADERS.has(lowerCaseName)) throw invalid(`the header ${lowerCaseName} cannot be set`);
    if (names.has(lowerCaseName)) throw invalid(`the header ${lowerCaseName} is there twice`);
    if (typeof value !== 'string' || !HEADER_VALUE.test(value)) {
      throw invalid(`the header ${lowerCaseName} has an invalid value`);
    }
    names.add(lowerCaseName);
    lines.push(lowerCaseName, value);
  }
  if (!names.has('user-agent')) lines.push('user-agent', userAgent);
  return lines;
}

function faultOf(request: EgressRequest): string | undefined {
  if (request.method !== 'GET' && request.method !== 'POST') return 'the method is neither GET nor POST';
  if (request.method === 'GET' && request.body !== undefined) return 'a GET has no body';
  if (!isTimeout(request.totalTimeoutMs)) return 'totalTimeoutMs is not a number of milliseconds';
  if (request.connectTimeoutMs !== undefined && !isTimeout(request.connectTimeoutMs)) {
    return 'connectTimeoutMs is not a number of milliseconds';
  }
  const { responseBytesMax } = request;
  if (!Number.isSafeInteger(responseBytesMax) || responseBytesMax < 0)
    return 'responseBytesMax is not a number of bytes';
  return undefined;
}

function isTimeout(milliseconds: number): boolean {
  return milliseconds > 0 && milliseconds <= TIMEOUT_MS_MAX;
}

function invalid(reason: string): EgressError {
  return new EgressError('request_invalid', 'before', { reason });
}
