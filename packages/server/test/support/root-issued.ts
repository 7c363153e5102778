import { webcrypto } from 'node:crypto';

/** What the service issued certificates for: signing documents, and mail. */
const PURPOSES: readonly string[] = ['1.3.6.1.5.5.7.3.36', '1.3.6.1.5.5.7.3.4'];

/** A root and a company's certificate directly below it, as the service issued them before migration 0017. */
export async function rootIssuedCertificate(
  companyName: string,
  purposes = PURPOSES,
): Promise<{
  root: { certificate: Buffer; privateKey: Buffer; notAfter: Date };
  company: { certificate: Buffer; privateKey: Buffer; serialNumber: string; notBefore: Date; notAfter: Date };
}> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const [rootKeys, keys] = await Promise.all(
    [0, 1].map(() => webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])),
  );
  const exported = async (key: webcrypto.CryptoKey): Promise<Buffer> =>
    Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  const notBefore = new Date(Math.floor(Date.now() / 1000) * 1000 - 86_400_000);
  const notAfter = new Date(notBefore.getTime() + 1000 * 86_400_000);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '41'.repeat(20),
    name: new x509.Name([
      { C: [{ printableString: 'CN' }] },
      { O: [{ utf8String: '印信 Yinxin' }] },
      { CN: [{ utf8String: '印信内置根证书 Yinxin Built-in Root CA' }] },
    ]),
    notBefore,
    notAfter,
    keys: rootKeys!,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(rootKeys!.publicKey),
    ],
  });
  const serialNumber = '42'.repeat(20);
  const company = await x509.X509CertificateGenerator.create({
    serialNumber,
    subject: new x509.Name([
      { C: [{ printableString: 'CN' }] },
      { O: [{ utf8String: companyName }] },
      { CN: [{ utf8String: companyName }] },
    ]),
    issuer: root.subjectName,
    notBefore,
    notAfter,
    publicKey: keys!.publicKey,
    signingKey: rootKeys!.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.nonRepudiation, true),
      new x509.ExtendedKeyUsageExtension([...purposes]),
      await x509.SubjectKeyIdentifierExtension.create(keys!.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(root.publicKey),
    ],
  });
  return {
    root: { certificate: Buffer.from(root.rawData), privateKey: await exported(rootKeys!.privateKey), notAfter },
    company: {
      certificate: Buffer.from(company.rawData),
      privateKey: await exported(keys!.privateKey),
      serialNumber,
      notBefore,
      notAfter,
    },
  };
}
