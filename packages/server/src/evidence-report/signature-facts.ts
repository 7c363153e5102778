import { createHash, X509Certificate } from 'node:crypto';
import { readSignatures, type EmbeddedSignature } from '../documents/index.ts';
import { coveredBytes } from './covered-bytes.ts';
import type { CertificateFact, SignatureFact } from './facts.ts';

/** id-aa-timeStampToken (RFC 3161, appendix A). */
const TIMESTAMP_TOKEN = '1.2.840.113549.1.9.16.2.14';

/**
 * What a document's signatures say of themselves, in the order in which they were made. Nothing is verified here: a
 * report tells what the service did, and any validator can judge the document.
 *
 * @param levelOf what the service reached for a field's signature
 */
export async function signatureFacts(
  pdf: Buffer,
  levelOf: (fieldName: string) => string | null,
): Promise<SignatureFact[]> {
  const signatures = readSignatures(pdf, { bytesMax: pdf.length });
  const covered = await coveredBytes(pdf, signatures);
  const facts: SignatureFact[] = [];
  for (const [index, signature] of signatures.entries()) {
    const { certificate, hasTimestamp } = await readCms(signature).catch(() => UNREADABLE);
    facts.push({
      fieldName: signature.fieldName,
      kind: signature.kind,
      certificate,
      level: signature.kind === 'signature' ? levelOf(signature.fieldName) : null,
      hasTimestamp,
      coveredSha256: covered[index]?.sha256 ?? '',
      coveredBytes: covered[index]?.length ?? 0,
    });
  }
  return facts;
}

const UNREADABLE = { certificate: null, hasTimestamp: false };

async function readCms(signature: EmbeddedSignature): Promise<typeof UNREADABLE | CmsFacts> {
  const [{ AsnConvert }, { ContentInfo, SignedData }] = await Promise.all([
    import('@peculiar/asn1-schema'),
    import('@peculiar/asn1-cms'),
  ]);
  const info = AsnConvert.parse(withoutRoom(signature.contents), ContentInfo);
  const signed = AsnConvert.parse(info.content, SignedData);
  const signer = signed.signerInfos[0];
  const serial = signer?.sid.issuerAndSerialNumber?.serialNumber;
  const wanted = serial === undefined ? '' : hexOf(Buffer.from(serial));
  const certificates = (signed.certificates ?? []).flatMap(({ certificate }) =>
    certificate === undefined ? [] : [new X509Certificate(Buffer.from(AsnConvert.serialize(certificate)))],
  );
  const certificate = certificates.find(({ serialNumber }) => serialNumber.toLowerCase() === wanted);
  const attributes = signer?.unsignedAttrs ?? [];
  return {
    certificate: certificate ? certificateFact(certificate) : null,
    hasTimestamp: attributes.some(({ attrType }) => attrType === TIMESTAMP_TOKEN),
  };
}

interface CmsFacts {
  certificate: CertificateFact | null;
  hasTimestamp: boolean;
}

function certificateFact(certificate: X509Certificate): CertificateFact {
  return {
    subject: nameOf(certificate.subject),
    issuer: nameOf(certificate.issuer),
    serialNumber: certificate.serialNumber.toLowerCase(),
    notBefore: certificate.validFromDate,
    notAfter: certificate.validToDate,
    sha256: createHash('sha256').update(certificate.raw).digest('hex'),
  };
}

/** `CN=…\nO=…` on one line. */
function nameOf(name: string): string {
  return name.split('\n').join('，');
}

/** Lower-case hex without the zero that keeps a number positive, as X509Certificate writes it. */
function hexOf(serial: Buffer): string {
  return serial.toString('hex').replace(/^(?:00)+(?=..)/, '');
}

/** The DER without the zeros that fill its room up. */
function withoutRoom(contents: Buffer): Buffer {
  const first = contents[1] ?? 0;
  if (first < 0x80) return contents.subarray(0, 2 + first);
  const lengthBytes = first & 0x7f;
  return contents.subarray(0, 2 + lengthBytes + contents.readUIntBE(2, lengthBytes));
}
