import { describe, expect, test } from 'vitest';
import { parseTimestampServices } from './timestamp-settings.ts';

const plain = { kind: 'url', basicAuth: null, rootsFile: null, policy: null };

describe('timestamp services of the configuration', () => {
  test('are asked in the order in which they stand', () => {
    expect(parseTimestampServices('https://tsa.example.com/tsr, http://10.0.0.3:3180/  built-in')).toEqual([
      { ...plain, url: 'https://tsa.example.com/tsr' },
      { ...plain, url: 'http://10.0.0.3:3180/' },
      { kind: 'built-in' },
    ]);
    expect(parseTimestampServices(' ')).toEqual([]);
  });

  test('may want a password, have pinned roots, be asked for a policy', () => {
    expect(parseTimestampServices('https://me:p%40ss@tsa.example.com/t?x=1#roots=/etc/tsa.pem&policy=1.2.3.4')).toEqual(
      [
        {
          kind: 'url',
          url: 'https://tsa.example.com/t?x=1',
          basicAuth: { user: 'me', password: 'p@ss' },
          rootsFile: '/etc/tsa.pem',
          policy: '1.2.3.4',
        },
      ],
    );
  });

  test.each(['ftp://x/', 'tsa.example.com', 'https://x/#root=/etc/x', 'https://x/#policy=1.2.x', 'builtin'])(
    '%s is refused, and not repeated: it may hold a password',
    (text) => {
      expect(() => parseTimestampServices(text)).toThrow(/^(?!.*example\.com\/x)(must|knows|needs)/);
    },
  );
});
