import { createHash, verify, X509Certificate } from 'node:crypto';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** What a check of one signature found. */
export interface CheckedSignature {
  signer: string;
  issuer: string;
  /** Whether the digest, the signature and the chain to the root hold. */
  valid: boolean;
  /** Bytes from the file's start to the end of what it covers. */
  coversTo: number;
}

const BYTE_RANGE = /\/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\]/g;

/**
 * Checks every signature of a PDF with code that shares nothing with the code that signed: the CMS is read by a public
 * ASN.1 library and checked by node:crypto. Reads only what RFC 5652 and PDF's ByteRange say.
 *
 * @param rootPem the certificate of the authority that is trusted
 */
export async function checkSignatures(pdf: Buffer, rootPem: string): Promise<CheckedSignature[]> {
  const text = pdf.toString('latin1');
  const checked: CheckedSignature[] = [];
  for (const match of text.matchAll(BYTE_RANGE)) {
    const [start = 0, length = 0, next = 0, rest = 0] = match.slice(1).map(Number);
    const hex = text.slice(start + length, next).replaceAll(/[<>\s]/g, '');
    const covered = Buffer.concat([pdf.subarray(start, start + length), pdf.subarray(next, next + rest)]);
    checked.push({ ...(await checkCms(Buffer.from(hex, 'hex'), covered, rootPem)), coversTo: next + rest });
  }
  return checked;
}

async function checkCms(der: Buffer, covered: Buffer, rootPem: string): Promise<Omit<CheckedSignature, 'coversTo'>> {
  const [{ AsnConvert, OctetString }, cms] = await Promise.all([
    import('@peculiar/asn1-schema'),
    import('@peculiar/asn1-cms'),
  ]);
  const content = AsnConvert.parse(der, cms.ContentInfo);
  const signedData = AsnConvert.parse(content.content, cms.SignedData);
  const [signerInfo] = signedData.signerInfos;
  const signedAttrs = signerInfo?.signedAttrs;
  if (signerInfo === undefined || signedAttrs === undefined)
    throw new Error('the CMS has no signer or no signed attributes');
  const certificates = [...(signedData.certificates ?? [])].flatMap((choice) =>
    choice.certificate === undefined
      ? []
      : [new X509Certificate(Buffer.from(AsnConvert.serialize(choice.certificate)))],
  );
  const serial = signerInfo.sid.issuerAndSerialNumber?.serialNumber;
  const wanted = serial === undefined ? '' : Buffer.from(serial).toString('hex').replace(/^0+/, '');
  const leaf = certificates.find((item) => item.serialNumber.toLowerCase().replace(/^0+/, '') === wanted);
  if (leaf === undefined) throw new Error("the signer's certificate is not in the CMS");

  const digestValue = signedAttrs.find((item) => item.attrType === cms.id_messageDigest)?.attrValues[0];
  const stated = digestValue === undefined ? undefined : Buffer.from(AsnConvert.parse(digestValue, OctetString).buffer);
  const digestHolds = stated?.equals(createHash('sha256').update(covered).digest()) ?? false;

  const attributes = setOf(signedAttrs.map((item) => Buffer.from(AsnConvert.serialize(item))));
  const signatureHolds = verify('sha256', attributes, leaf.publicKey, Buffer.from(signerInfo.signature.buffer));

  const chainHolds = leadsTo(new X509Certificate(rootPem), leaf, certificates);
  return {
    signer: commonName(leaf.subject),
    issuer: commonName(leaf.issuer),
    valid: digestHolds && signatureHolds && chainHolds,
  };
}

/** Whether the root signed the certificate, or one that the signature brings along and that signed it, and so on. */
function leadsTo(root: X509Certificate, leaf: X509Certificate, others: readonly X509Certificate[]): boolean {
  const signedBy = (issuer: X509Certificate): boolean => leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey);
  if (signedBy(root)) return true;
  const rest = others.filter((item) => item !== leaf);
  return rest.some((item) => item.ca && signedBy(item) && leadsTo(root, item, rest));
}

/** RFC 5652, 5.4: what is signed is the DER of a SET OF attributes, not the implicit [0] that stands in place. */
function setOf(members: readonly Buffer[]): Buffer {
  const content = Buffer.concat(members.toSorted((a, b) => Buffer.compare(a, b)));
  const { length } = content;
  const lengthOctets = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([0x31, ...lengthOctets]), content]);
}

function commonName(name: string): string {
  return /^CN=(.*)$/m.exec(name)?.[1] ?? name;
}

const run = promisify(execFile);

/** What poppler's `pdfsig` says, a line a signature; undefined where the machine has no pdfsig. */
export async function pdfsigVerdicts(file: string): Promise<string[] | undefined> {
  try {
    const { stdout } = await run('pdfsig', ['-nocert', file]);
    return stdout.split('\n').flatMap((line) => /Signature Validation: (.*)$/.exec(line)?.[1] ?? []);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
