import { X509Certificate } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import {
  createEgress,
  EgressError,
  type Egress,
  type EgressAnswer,
  type EgressPeer,
  type TlsIdentity,
} from '../../src/platform/egress/index.ts';
import { answerOf, makeCertificates, startPeer, type Peer, type TestCertificates } from '../support/peers.ts';

let server: TestCertificates;
let clients: TestCertificates[];
beforeAll(() => {
  server = makeCertificates('IP:127.0.0.1');
  clients = ['DNS:one.test', 'DNS:two.test'].map(makeCertificates);
});

const fingerprintOf = (pem: string | Buffer): string =>
  new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();

function identityOf(certificates: TestCertificates, more: Partial<TlsIdentity> = {}): TlsIdentity {
  const client = { certificatePem: certificates.cert.toString(), privateKeyPem: certificates.key.toString() };
  return { id: fingerprintOf(certificates.cert), client, authorityPem: server.authorityPem, ...more };
}

/** A peer that asks for a client certificate and answers with the fingerprint of the one it was shown. */
function startCarefulPeer(): Promise<Peer> {
  const ca = clients.map((client) => client.authorityPem);
  return startPeer({
    tls: { key: server.key, cert: server.cert, ca, requestCert: true, rejectUnauthorized: true },
    onRequest: (socket) => {
      const shown = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.fingerprint256 : undefined;
      socket.write(answerOf(shown?.replaceAll(':', '').toLowerCase() ?? 'none'));
    },
  });
}

function egressFor(options: { extraCaPem?: string } = {}): Egress {
  const egress = createEgress({ allowCidrs: ['127.0.0.1/32'], ...options });
  onTestFinished(() => egress.close());
  return egress;
}

function post(
  egress: Egress,
  peer: Peer,
  tls?: TlsIdentity,
  onPeer?: (peer: EgressPeer) => void,
): Promise<EgressAnswer> {
  return egress.request({
    method: 'POST',
    url: `https://127.0.0.1:${peer.port}/`,
    body: 'message',
    totalTimeoutMs: 10_000,
    responseBytesMax: 1000,
    ...(tls !== undefined && { tls }),
    ...(onPeer !== undefined && { onPeer }),
  });
}

test('a client certificate is shown, and the peer’s fingerprint is told before the answer and with it', async () => {
  const peer = await startCarefulPeer();
  const told: EgressPeer[] = [];
  const answer = await post(egressFor(), peer, identityOf(clients[0]!), (reached) => told.push(reached));
  expect(answer.body.toString()).toBe(fingerprintOf(clients[0]!.cert));
  expect(answer.tlsFingerprint).toBe(fingerprintOf(server.cert));
  expect(told).toEqual([{ remoteAddress: '127.0.0.1', tlsFingerprint: fingerprintOf(server.cert) }]);
});

test('no two identities share a connection, however their requests are mixed; equal ones do', async () => {
  const peer = await startCarefulPeer();
  const egress = egressFor();
  const identities = clients.map((client) => identityOf(client));
  for (let round = 0; round < 3; round += 1) {
    for (const [place, identity] of identities.entries()) {
      const answer = await post(egress, peer, { ...identity });
      expect(answer.body.toString()).toBe(fingerprintOf(clients[place]!.cert));
    }
  }
  expect(peer.sockets).toHaveLength(2);
});

test('a request without an identity shows no certificate, also where one with it has a connection open', async () => {
  const peer = await startPeer({
    tls: {
      key: server.key,
      cert: server.cert,
      ca: clients[0]!.authorityPem,
      requestCert: true,
      rejectUnauthorized: false,
    },
    onRequest: (socket) => {
      const shown = socket instanceof TLSSocket && socket.getPeerX509Certificate() !== undefined;
      socket.write(answerOf(shown ? 'shown' : 'none'));
    },
  });
  const egress = egressFor({ extraCaPem: server.authorityPem });
  expect((await post(egress, peer, identityOf(clients[0]!))).body.toString()).toBe('shown');
  expect((await post(egress, peer)).body.toString()).toBe('none');
});

test('an authority of its own stands in place of the usual ones, those that the operator added among them', async () => {
  const peer = await startPeer({ tls: server, onRequest: (socket) => socket.write(answerOf('ok')) });
  const egress = egressFor({ extraCaPem: server.authorityPem });
  expect((await post(egress, peer)).status).toBe(200);
  const strange: TlsIdentity = { id: 'strange', authorityPem: clients[0]!.authorityPem };
  await expect(post(egress, peer, strange)).rejects.toMatchObject({ code: 'tls_failed', stage: 'before' });
  expect((await post(egress, peer, { id: 'own', authorityPem: server.authorityPem })).status).toBe(200);
});

test('a peer that does not take the certificate, and a key that is another one’s, are failures of the connection', async () => {
  const peer = await startCarefulPeer();
  const egress = egressFor();
  const failure = async (tls: TlsIdentity): Promise<unknown> =>
    post(egress, peer, tls).catch((error: unknown) => error);
  const without = await failure({ id: 'none', authorityPem: server.authorityPem });
  expect(without).toBeInstanceOf(EgressError);
  const { client } = identityOf(clients[0]!);
  const mixed = { certificatePem: client!.certificatePem, privateKeyPem: clients[1]!.key.toString() };
  expect(await failure(identityOf(clients[0]!, { id: 'mixed', client: mixed }))).toMatchObject({ code: 'tls_failed' });
  expect((await post(egress, peer, identityOf(clients[0]!))).status).toBe(200);
});
