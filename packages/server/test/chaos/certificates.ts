import 'reflect-metadata';
import { webcrypto } from 'node:crypto';

/** A key and certificate for `127.0.0.1`, in PEM. */
export interface ServerIdentity {
  readonly key: string;
  readonly cert: string;
}

export interface Certificates {
  /** What the nodes are told to trust. */
  readonly authorityPem: string;
  readonly trusted: ServerIdentity;
  /** Of an authority that nobody knows. */
  readonly stranger: ServerIdentity;
}

const KEY = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;
const ADDRESS = '127.0.0.1';

export async function makeCertificates(): Promise<Certificates> {
  const [known, unknown] = [await makeAuthority('Chaos authority'), await makeAuthority('Another authority')];
  return { authorityPem: known.pem, trusted: await known.issue(), stranger: await unknown.issue() };
}

async function makeAuthority(name: string): Promise<{ pem: string; issue(): Promise<ServerIdentity> }> {
  const x509 = await import('@peculiar/x509');
  const keys = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
  // From long ago until far ahead: the clocks of the nodes are moved.
  const validity = { notBefore: new Date(Date.now() - 30 * DAY_MS), notAfter: new Date(Date.now() + 30 * DAY_MS) };
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: KEY,
    ...validity,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  return {
    pem: authority.toString('pem'),
    async issue() {
      const own = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
      const certificate = await x509.X509CertificateGenerator.create({
        subject: `CN=${ADDRESS}`,
        issuer: authority.subject,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: KEY,
        ...validity,
        extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: ADDRESS }])],
      });
      const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', own.privateKey));
      const key = `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`;
      return { key, cert: certificate.toString('pem') };
    },
  };
}
