import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createAddressPolicy } from './address.ts';
import { checkUrl } from './url.ts';

const closed = createAddressPolicy([]);

test.each([
  'https://partner.example/notify?a=b',
  'http://partner.example:8080',
  'https://合同.example/回调',
  'https://partner.example./x',
  'https://under_score.example/',
])('%s may be registered', (url) => {
  expect(checkUrl(url, closed)).toMatchObject({ ok: true });
});

test.each([
  '',
  'partner.example',
  '//partner.example/',
  'ftp://partner.example/',
  'file:///etc/passwd',
  'javascript:alert(1)',
  'unix:/run/x.sock',
  'http://',
  'http://user@partner.example/',
  'http://user:secret@partner.example/',
  'http://:secret@partner.example/',
  'http://partner.example\\@127.0.0.1/',
  'http://partner.example/\r\nx: y',
  ' http://partner.example/',
  'http://partner.example/a b',
  'http://partner.example/\u3000',
  'http://[fe80::1%25eth0]/',
  'http://[fe80::1%eth0]/',
  'http://[::1',
  'http://1.2.3.4.5/',
  'http://256.1.1.1/',
  'http://0x100000000/',
  'http://partner.example:65536/',
  `http://partner.example/${'x'.repeat(8192)}`,
])('%j is not a URL for us', (url) => {
  expect(checkUrl(url, closed)).toMatchObject({ ok: false, code: 'url_invalid' });
});

test.each([
  'http://localhost/',
  'http://LOCALHOST./',
  'http://ｌｏｃａｌｈｏｓｔ/',
  'http://a.b.localhost:8080/',
  'http://127.1/',
  'http://2130706433/',
  'http://0177.0.0.1/',
  'http://0x7f.1/',
  'http://①②⑦.⓪.⓪.①/',
  'http://[::]/',
  'http://[::ffff:7f00:1]/',
  'http://169.254.169.254/latest/meta-data/',
  'http://[fd00:ec2::254]/',
  'http://partner.example:25/',
  'https://partner.example:6667/',
  'http://partner.example:0/',
])('%j is forbidden', (url) => {
  expect(checkUrl(url, closed)).toMatchObject({ ok: false, code: 'address_forbidden' });
});

test('localhost passes where a range lets this machine in', () => {
  expect(checkUrl('http://localhost:8080/', createAddressPolicy(['127.0.0.0/8']))).toMatchObject({ ok: true });
  expect(checkUrl('http://localhost:8080/', createAddressPolicy(['::1']))).toMatchObject({ ok: true });
});

test('no text makes it throw, and a reason never repeats the URL', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl()), (text) => {
      const checked = checkUrl(text, closed);
      if (!checked.ok && text.length > 10) expect(checked.reason).not.toContain(text);
    }),
  );
});
