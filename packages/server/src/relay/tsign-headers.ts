import { createHmac } from 'node:crypto';

/**
 * The headers of a callback in the style of the e签宝 API (contracts/tsign-auth.md, last section). The signature is
 * lower-case hex of HMAC-SHA256 over the timestamp, the values of the URL's query in ascending order of their keys, and
 * the exact bytes of the body. Values count decoded, and of a repeated key the first: as receivers read them.
 */
export function tsignHeaders(
  callback: { appId: string; url: string; body: Buffer; at: Date },
  secret: string,
): Record<string, string> {
  const timestamp = String(callback.at.getTime());
  const query = new URL(callback.url).searchParams;
  const keys = [...new Set(query.keys())].sort();
  const values = keys.map((key) => query.get(key) ?? '').join('');
  const signature = createHmac('sha256', secret).update(timestamp).update(values).update(callback.body).digest('hex');
  return {
    'x-tsign-open-app-id': callback.appId,
    'x-tsign-open-timestamp': timestamp,
    'x-tsign-open-signature-algorithm': 'hmac-sha256',
    'x-tsign-open-signature': signature,
  };
}
