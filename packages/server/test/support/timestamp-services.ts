import { execFile } from 'node:child_process';
import { randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import type { Clock } from '../../src/platform/clock.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createIssuing, createRoot, issueServiceCertificate } from '../../src/trust/authority.ts';
import type { CmsIdentity } from '../../src/trust/cms.ts';
import { generatePrivateKey, softwareKey } from '../../src/trust/keys/software-key.ts';
import { createTimestampAuthority, type TimestampAuthority } from '../../src/trust/timestamp/authority.ts';
import type { KeyAlgorithm } from '../../src/trust/index.ts';

const run = promisify(execFile);

export interface TestTimestampAuthority extends TimestampAuthority {
  identity: CmsIdentity;
  /** DER. */
  root: Buffer;
  rootPem: string;
  issuingPem: string;
}

/** Our own timestamp service under a root of its own. */
export async function testTimestampAuthority(
  keyAlgorithm: KeyAlgorithm = 'P-256',
  { clock = systemClock, days = 365 }: { clock?: Clock; days?: number } = {},
): Promise<TestTimestampAuthority> {
  const [rootKey, issuingKey, key] = [
    softwareKey(await generatePrivateKey(keyAlgorithm)),
    softwareKey(await generatePrivateKey(keyAlgorithm)),
    softwareKey(await generatePrivateKey(keyAlgorithm)),
  ];
  const now = clock.now();
  const root = await createRoot(rootKey, now);
  const issuing = await createIssuing(
    { certificate: root.certificate, key: rootKey },
    { publicKey: issuingKey.publicKey, now },
  );
  const { certificate } = await issueServiceCertificate(
    { certificate: issuing.certificate, key: issuingKey },
    { purpose: 'timestamp', publicKey: key.publicKey, now, days },
  );
  const identity = { key, certificate, chain: [issuing.certificate, root.certificate] };
  return {
    ...createTimestampAuthority({ identity: async () => identity, clock, randomBytes }),
    identity,
    root: root.certificate,
    rootPem: new X509Certificate(root.certificate).toString(),
    issuingPem: new X509Certificate(issuing.certificate).toString(),
  };
}

const OPENSSL_SETTINGS = `
[tsa]
default_tsa = own
[own]
serial = ./serial
signer_cert = ./tsa.pem
signer_key = ./tsa.key
certs = ./root.pem
default_policy = 1.2.3.4.1
other_policies = 1.2.3.4.5
signer_digest = sha256
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_chain = yes
ess_cert_id_alg = sha256
tsa_name = yes
`;

export interface OpensslTimestampAuthority {
  /** `openssl ts -reply` */
  respond(query: Buffer): Promise<Buffer>;
  root: Buffer;
  /** A list that the root signed, DER. */
  revocationList: Buffer;
}

/** OpenSSL's timestamp service, in an empty directory of its own. `listUrl` is where its certificate says that its list is. */
export async function opensslTimestampAuthority(
  directory: string,
  { listUrl }: { listUrl?: string } = {},
): Promise<OpensslTimestampAuthority> {
  const openssl = (...args: string[]) => run('openssl', args, { cwd: directory });
  await writeFile(join(directory, 'settings.cnf'), OPENSSL_SETTINGS);
  await writeFile(join(directory, 'serial'), '01\n');
  await writeFile(join(directory, 'index.txt'), '');
  await writeFile(join(directory, 'crlnumber'), '01\n');
  await writeFile(
    join(directory, 'ca.cnf'),
    '[ca]\ndefault_ca=own\n[own]\ndatabase=./index.txt\ncrlnumber=./crlnumber\ndefault_md=sha256\ndefault_crl_days=30\n',
  );
  await writeFile(
    join(directory, 'tsa.ext'),
    `extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n${
      listUrl === undefined ? '' : `crlDistributionPoints=URI:${listUrl}\n`
    }`,
  );
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'root.key',
    '-out',
    'root.pem',
    '-days',
    '900',
    '-subj',
    '/CN=Other Root',
  );
  await openssl('req', ...key, '-keyout', 'tsa.key', '-out', 'tsa.csr', '-subj', '/CN=Other TSA');
  await openssl(
    ...'x509 -req -in tsa.csr -CA root.pem -CAkey root.key -CAcreateserial -days 400 -extfile tsa.ext -out tsa.pem'.split(
      ' ',
    ),
  );
  await openssl('ca', '-gencrl', '-config', 'ca.cnf', '-cert', 'root.pem', '-keyfile', 'root.key', '-out', 'crl.pem');
  await openssl('crl', '-in', 'crl.pem', '-outform', 'DER', '-out', 'crl.der');
  let turn: Promise<unknown> = Promise.resolve();
  return {
    root: new X509Certificate(await readFile(join(directory, 'root.pem'))).raw,
    revocationList: await readFile(join(directory, 'crl.der')),
    respond(query) {
      const answer = turn.then(async () => {
        await writeFile(join(directory, 'query.tsq'), query);
        const files = ['-queryfile', 'query.tsq', '-out', 'reply.tsr'];
        await openssl('ts', '-reply', '-config', 'settings.cnf', ...files);
        return readFile(join(directory, 'reply.tsr'));
      });
      // Its serial number is a file: one after the other.
      turn = Promise.allSettled([answer]);
      return answer;
    },
  };
}

export interface TimestampServer {
  readonly url: string;
  /** Requests that came, their Authorization headers. */
  readonly authorizations: (string | undefined)[];
  /** What the next requests are answered: bytes, or whatever the test does. */
  respond: (query: Buffer, response: ServerResponse) => Promise<Buffer | undefined>;
  close(): Promise<void>;
}

/** RFC 3161 over HTTP on a loopback port. */
export async function startTimestampServer(
  respond: (query: Buffer, response: ServerResponse) => Promise<Buffer | undefined>,
): Promise<TimestampServer> {
  const authorizations: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      authorizations.push(request.headers.authorization);
      const answer = await running.respond(await buffer(request), response);
      if (answer) response.writeHead(200, { 'content-type': 'application/timestamp-reply' }).end(answer);
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const running: TimestampServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/tsr`,
    authorizations,
    respond,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return running;
}
