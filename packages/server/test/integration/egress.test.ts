import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import {
  createEgress,
  type Egress,
  type EgressAnswer,
  type EgressOptions,
  type EgressPeer,
  type EgressRequest,
  type Lookup,
} from '../../src/platform/egress/index.ts';
import { answerOf, makeCertificates, startPeer, type TestCertificates } from '../support/peers.ts';

function egressWith(options: Partial<EgressOptions> = {}): Egress {
  const egress = createEgress({ allowCidrs: ['127.0.0.1/32'], ...options });
  onTestFinished(() => egress.close());
  return egress;
}

function get(egress: Egress, url: string, more: Partial<EgressRequest> = {}): Promise<EgressAnswer> {
  return egress.request({ method: 'GET', url, totalTimeoutMs: 10_000, responseBytesMax: 1000, ...more });
}

/** A resolver that gives each list of addresses once, in turn. */
function lookupInTurn(...answers: string[][]): Lookup & { asked: () => number } {
  let asked = 0;
  const lookup = (): Promise<{ address: string; family: number }[]> => {
    const addresses = answers[Math.min(asked, answers.length - 1)] ?? [];
    asked += 1;
    return Promise.resolve(addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));
  };
  return Object.assign(lookup, { asked: () => asked });
}

const FORBIDDEN = { code: 'address_forbidden', stage: 'before' };
const acknowledge = answerOf('{"code":"000"}');

test('a POST arrives byte for byte, and the answer says who gave it', async () => {
  const peer = await startPeer({ onRequest: (socket) => socket.write(acknowledge) });
  const onPeer = vi.fn<(peer: EgressPeer) => void>();
  const answer = await egressWith().request({
    method: 'POST',
    url: `http://127.0.0.1:${peer.port}/回调?a=1#fragment`,
    headers: { 'Content-Type': 'application/json', 'webhook-id': 'msg_1' },
    body: '{"合同":"1.10"}',
    totalTimeoutMs: 10_000,
    responseBytesMax: 1000,
    onPeer,
  });
  expect(answer).toMatchObject({ status: 200, truncated: false, remoteAddress: '127.0.0.1' });
  expect(answer.body.toString()).toBe('{"code":"000"}');
  expect(answer.tlsFingerprint).toBeNull();
  expect(onPeer.mock.calls).toEqual([[{ remoteAddress: '127.0.0.1', tlsFingerprint: null }]]);
  expect(peer.requests).toEqual([
    [
      'POST /%E5%9B%9E%E8%B0%83?a=1 HTTP/1.1',
      `host: 127.0.0.1:${peer.port}`,
      'connection: keep-alive',
      'accept-encoding: identity',
      'content-type: application/json',
      'webhook-id: msg_1',
      'user-agent: Yinxin',
      'content-length: 17',
      '',
      '{"合同":"1.10"}',
    ].join('\r\n'),
  ]);
});

test('only the allowed address is reached, however it is written', async () => {
  const inside = await startPeer({ onRequest: (socket) => socket.write(acknowledge) });
  const outside = await startPeer({ address: '127.0.0.2' });
  const egress = egressWith();
  for (const host of ['127.0.0.1', '2130706433', '0177.0.0.1', '0x7f.1', '127.1']) {
    expect(await get(egress, `http://${host}:${inside.port}/`)).toMatchObject({ remoteAddress: '127.0.0.1' });
  }
  const forms = ['127.0.0.2', '2130706434', '0177.0.0.2', '0x7f.2', '127.2', '[::ffff:127.0.0.2]', '[64:ff9b::7f00:2]'];
  for (const host of [...forms, '169.254.169.254', '[fe80::1]', '[fd00:ec2::254]', '[::1]', '10.0.0.1', '0.0.0.0']) {
    await expect(get(egress, `http://${host}:${outside.port}/`)).rejects.toMatchObject(FORBIDDEN);
  }
  expect(outside.sockets).toEqual([]);
});

test('a name that was public when it was registered is refused when it turns inward', async () => {
  const inward = await startPeer({ address: '127.0.0.2' });
  const lookup = lookupInTurn(['1.1.1.1'], ['127.0.0.2']);
  const egress = egressWith({ lookup });
  const url = `http://partner.test:${inward.port}/`;
  expect(egress.checkUrl(url)).toMatchObject({ ok: true });
  await lookup('partner.test'); // Whoever looked before the connection was told a public address.
  await expect(get(egress, url)).rejects.toMatchObject({ ...FORBIDDEN, reason: 'the address is not permitted' });
  expect(inward.sockets).toEqual([]);
});

test('each new connection asks and judges anew; a standing one stays with the address it was judged by', async () => {
  const peer = await startPeer({ onRequest: (socket) => socket.write(acknowledge) });
  const lookup = lookupInTurn(['127.0.0.1'], ['127.0.0.2']);
  const egress = egressWith({ lookup });
  const url = `http://partner.test:${peer.port}/`;
  expect(await get(egress, url)).toMatchObject({ remoteAddress: '127.0.0.1' });
  expect(await get(egress, url)).toMatchObject({ remoteAddress: '127.0.0.1' });
  expect(lookup.asked()).toBe(1);
  expect(peer.sockets).toHaveLength(1);
  const gone = once(peer.sockets[0]!, 'close');
  peer.sockets[0]!.destroy();
  await gone;
  // The first try may still meet the connection that is just closing; no try reaches the new address.
  await expect(get(egress, url)).rejects.toMatchObject({
    code: expect.stringMatching(/^(address_forbidden|connection_lost)$/),
  });
  await expect(get(egress, url)).rejects.toMatchObject(FORBIDDEN);
});

test.each([
  ['one inward address among public ones', ['1.1.1.1', '127.0.0.2']],
  ['an IPv4-mapped one', ['::ffff:127.0.0.2']],
  ['a NAT64 one', ['64:ff9b::7f00:2']],
  ['a link-local one with its zone', ['fe80::1%lo']],
  ['what is no address', ['localhost']],
])('a name is refused for %s', async (_what, addresses) => {
  await expect(get(egressWith({ lookup: lookupInTurn(addresses) }), 'http://partner.test/')).rejects.toMatchObject(
    FORBIDDEN,
  );
});

test('a name without addresses, and a resolver that fails or throws, are dns_failed', async () => {
  const failing: Lookup = () => Promise.reject(new Error('SERVFAIL'));
  const throwing: Lookup = () => {
    throw new Error('broken');
  };
  for (const lookup of [lookupInTurn([]), failing, throwing]) {
    await expect(get(egressWith({ lookup }), 'http://partner.test/')).rejects.toMatchObject({
      code: 'dns_failed',
      stage: 'before',
    });
  }
});

test('connections that open at once to one name share one lookup', async () => {
  const peer = await startPeer({ onRequest: (socket) => socket.write(acknowledge) });
  const lookup = lookupInTurn(['127.0.0.1']);
  const egress = egressWith({ lookup });
  await Promise.all(Array.from({ length: 5 }, () => get(egress, `http://partner.test:${peer.port}/`)));
  expect(peer.sockets).toHaveLength(5);
  expect(lookup.asked()).toBe(1);
});

test('a redirect is an answer; its target is not asked', async () => {
  const target = await startPeer({});
  const location = `location: http://127.0.0.1:${target.port}/\r\n`;
  const peer = await startPeer({ onRequest: (socket) => socket.write(answerOf('', '302 Found', location)) });
  const answer = await get(egressWith(), `http://127.0.0.1:${peer.port}/`);
  expect(answer).toMatchObject({ status: 302, headers: { location: `http://127.0.0.1:${target.port}/` } });
  expect(target.sockets).toEqual([]);
});

test('proxies of the environment are not asked', async () => {
  const proxy = await startPeer({});
  const peer = await startPeer({ onRequest: (socket) => socket.write(acknowledge) });
  for (const name of ['http_proxy', 'HTTP_PROXY', 'ALL_PROXY', 'all_proxy']) {
    vi.stubEnv(name, `http://127.0.0.1:${proxy.port}`);
  }
  vi.stubEnv('NODE_USE_ENV_PROXY', '1');
  onTestFinished(() => void vi.unstubAllEnvs());
  expect(await get(egressWith(), `http://127.0.0.1:${peer.port}/`)).toMatchObject({ status: 200 });
  expect(proxy.sockets).toEqual([]);
});

test('nothing can be smuggled into the head of a request', async () => {
  const peer = await startPeer({});
  const egress = egressWith();
  const url = `http://127.0.0.1:${peer.port}/`;
  const faults: Partial<EgressRequest>[] = [
    ...['a\r\nx: y', 'a\n', 'a\0', '\u010a', '合同', '\u007f'].map((value) => ({ headers: { 'x-note': value } })),
    ...['x y', 'x:', 'x\r\ny', '', '中', 'x\u0000'].map((name) => ({ headers: { [name]: 'v' } })),
    ...['Host', 'content-length', 'Transfer-Encoding', 'connection', 'upgrade', 'expect', 'TE', 'accept-encoding'].map(
      (name) => ({ headers: { [name]: '1' } }),
    ),
    { headers: { 'x-note': 'a', 'X-Note': 'b' } },
    { headers: { 'x-note': 1 as unknown as string } },
    { method: 'PUT' as 'POST' },
    { body: 'a GET has none' },
    { totalTimeoutMs: 0 },
    { totalTimeoutMs: Number.NaN },
    { totalTimeoutMs: 2 ** 31 },
    { connectTimeoutMs: -1 },
    { responseBytesMax: -1 },
    { responseBytesMax: 1.5 },
  ];
  for (const fault of faults) {
    await expect(get(egress, url, fault)).rejects.toMatchObject({ code: 'request_invalid', stage: 'before' });
  }
  expect(peer.sockets).toEqual([]);
});

let certificates: TestCertificates;
let strange: TestCertificates;
beforeAll(() => {
  certificates = makeCertificates('DNS:partner.test,IP:127.0.0.1');
  strange = makeCertificates('DNS:other.test');
});

test('https: the certificate is verified and its fingerprint told', async () => {
  const peer = await startPeer({ tls: certificates, onRequest: (socket) => socket.write(acknowledge) });
  const egress = egressWith({ extraCaPem: certificates.authorityPem, lookup: lookupInTurn(['127.0.0.1']) });
  const tlsFingerprint = new X509Certificate(certificates.cert).fingerprint256.replaceAll(':', '').toLowerCase();
  for (const host of ['partner.test', '127.0.0.1', 'partner.test']) {
    const answer = await get(egress, `https://${host}:${peer.port}/`);
    expect(answer).toMatchObject({ status: 200, tlsFingerprint, remoteAddress: '127.0.0.1' });
  }
});

test('https: an unknown authority, another name, no TLS and old TLS are tls_failed, and nothing is sent', async () => {
  const old = { ...certificates, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  const lookup = lookupInTurn(['127.0.0.1']);
  const trusting = egressWith({ lookup, extraCaPem: `${certificates.authorityPem}${strange.authorityPem}` });
  const cases = [
    {
      cause: /ISSUER|SELF_SIGNED|LEAF_SIGNATURE/,
      egress: egressWith({ lookup }),
      peer: await startPeer({ tls: certificates }),
    },
    { cause: /ALTNAME/, egress: trusting, peer: await startPeer({ tls: strange }) },
    { cause: /VERSION|PROTOCOL/, egress: trusting, peer: await startPeer({ tls: old }) },
    {
      cause: /SSL/,
      egress: trusting,
      peer: await startPeer({ onConnection: (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n') }),
    },
    { cause: /ECONNRESET/, egress: trusting, peer: await startPeer({ onConnection: (socket) => socket.destroy() }) },
  ];
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
  onTestFinished(() => void vi.unstubAllEnvs());
  for (const { egress, peer, cause } of cases) {
    const request = get(egress, `https://partner.test:${peer.port}/`);
    await expect(request).rejects.toMatchObject({
      code: 'tls_failed',
      stage: 'before',
      cause: { code: expect.stringMatching(cause) },
    });
    expect(peer.requests).toEqual([]);
  }
});

test('certificates and ranges that cannot be read stop the start', () => {
  const broken = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
  expect(() => createEgress({ allowCidrs: [], extraCaPem: 'x' })).toThrow('no PEM certificate');
  expect(() => createEgress({ allowCidrs: [], extraCaPem: certificates.authorityPem + broken })).toThrow(
    'certificate 2',
  );
  expect(() => createEgress({ allowCidrs: ['10.0.0.0/40'] })).toThrow('"10.0.0.0/40"');
});
