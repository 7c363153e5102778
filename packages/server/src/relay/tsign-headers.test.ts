import { expect, it } from 'vitest';
import { tsignHeaders } from './tsign-headers.ts';

const body = Buffer.from('{"action":"SIGN_MISSON_COMPLETE","signFlowId":"x"}');
const at = new Date(1_729_489_875_363);
const signatureFor = (query: string): string | undefined =>
  tsignHeaders({ appId: '7438000001', url: `https://partner.test/notify${query}`, body, at }, 'dummysecret')[
    'x-tsign-open-signature'
  ];

it("the contract's vector", () => {
  const url = 'https://partner.test/notify?belong=pinjie&orderNo=001';
  expect(tsignHeaders({ appId: '7438000001', url, body, at }, 'dummysecret')).toEqual({
    'x-tsign-open-app-id': '7438000001',
    'x-tsign-open-timestamp': '1729489875363',
    'x-tsign-open-signature-algorithm': 'hmac-sha256',
    'x-tsign-open-signature': '3c736f140e22adf842c3c7d71dfd641e4f6c35c2109403b67ebb915d43a47e0c',
  });
});

it('values count in the order of their keys, decoded, the first of each', () => {
  const vector = signatureFor('?belong=pinjie&orderNo=001');
  expect(signatureFor('?orderNo=001&belong=pinjie')).toBe(vector);
  expect(signatureFor('?belong=%70injie&orderNo=001&orderNo=002')).toBe(vector);
  expect(signatureFor('?belong=pinjie001')).toBe(vector);
  expect(signatureFor('?belong=001&orderNo=pinjie')).not.toBe(vector);
  expect(signatureFor('')).not.toBe(vector);
});
