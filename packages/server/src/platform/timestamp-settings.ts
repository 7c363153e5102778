/** A timestamp service as the configuration names it. */
export type TimestampSetting =
  | { kind: 'built-in' }
  | {
      kind: 'url';
      /** Without credentials and fragment. */
      url: string;
      basicAuth: { user: string; password: string } | null;
      /** PEM file of whom to trust; null believes whoever answers under the URL. */
      rootsFile: string | null;
      /** Dotted object identifier to ask for. */
      policy: string | null;
    };

/** Of PAdES (ETSI EN 319 142-1, 6), the least first. */
export const SIGNATURE_LEVELS = ['B-B', 'B-T', 'B-LT', 'B-LTA'] as const;

/**
 * Services separated by spaces or commas, asked in this order: `built-in`, or a URL, with `user:password@` before its host
 * and `#roots=FILE&policy=OID` behind it where they are wanted.
 *
 * @example parseTimestampServices('https://tsa.example.com/tsr#roots=/etc/yinxin/tsa.pem built-in')
 * @throws Error that says what would be right, without the value: it may hold a password
 */
export function parseTimestampServices(text: string): TimestampSetting[] {
  return text
    .split(/[\s,]+/)
    .filter((item) => item !== '')
    .map((item) => (item === 'built-in' ? { kind: 'built-in' } : parseUrl(item)));
}

function parseUrl(text: string): TimestampSetting {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new Error('must be built-in, or http or https URLs such as https://tsa.example.com/tsr, separated by spaces');
  }
  const options = new URLSearchParams(url.hash.slice(1));
  const unknown = [...options.keys()].find((key) => key !== 'roots' && key !== 'policy');
  if (unknown !== undefined) throw new Error('knows #roots=FILE and #policy=OID and nothing else');
  const policy = options.get('policy');
  if (policy !== null && !/^[0-2](\.(0|[1-9]\d*)){1,30}$/.test(policy))
    throw new Error('needs a policy such as 1.2.3.4');
  const basicAuth =
    url.username === '' ? null : { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
  url.username = '';
  url.password = '';
  url.hash = '';
  return { kind: 'url', url: url.href, basicAuth, rootsFile: options.get('roots'), policy };
}
