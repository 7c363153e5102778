import { X509Certificate } from 'node:crypto';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import { ContentInfo, id_messageDigest, SignedData } from '@peculiar/asn1-cms';
import { opensslFolder, pem } from './openssl.ts';

/** Who all signers are to GM/T 0009, unless they agreed on something else. */
export const SM2_IDENTITY = '1234567812345678';

/** Certificates, lists and answers are one thing to whoever asks for the signature alone: what is signed, and the value. */
export type SignedThing = { content: Buffer; signature: Buffer };

/** What openssl says of SM2 signatures, of which it is told the identity by hand. No code of ours takes part. */
export interface Sm2Judge extends AsyncDisposable {
  /** Whether a key (of a certificate, DER) made a signature under an identity. */
  holds(thing: SignedThing, certificate: Buffer, identity?: string): Promise<boolean>;
  /** Whether one certificate may stand above the other, by all rules of RFC 5280 that openssl has. */
  leads(certificate: Buffer, issuer: Buffer): Promise<string>;
  /** A PDF signature as openssl finds it: the digest of what it covers, its value, its certificates up to the root. */
  judge(signature: { content: Buffer; cms: Buffer }): Promise<Sm2Verdict>;
}

export interface Sm2Verdict {
  digestAlgorithm: string;
  signatureAlgorithm: string;
  digestHolds: boolean;
  signatureHolds: boolean;
  /** `OK` for each certificate under the next, the signer's first. */
  links: string[];
  rootHolds: boolean;
  /** DER. */
  root: Buffer;
}

export async function sm2Judge(): Promise<Sm2Judge> {
  const folder = await opensslFolder();

  async function holds({ content, signature }: SignedThing, certificate: Buffer, identity = SM2_IDENTITY) {
    await folder.write('signer.pem', pem(certificate));
    await folder.write('signed', content);
    await folder.write('signature', signature);
    const key = await folder.run('x509 -in signer.pem -noout -pubkey -out key.pem');
    if (key.code !== 0) throw new Error(key.text);
    const line = `dgst -sm3 -verify key.pem -sigopt distid:${identity} -signature signature signed`;
    const { code, text } = await folder.run(line);
    if (!/^Verif(?:ied OK|ication failure)/i.test(text)) throw new Error(text);
    return code === 0;
  }

  async function leads(certificate: Buffer, issuer: Buffer): Promise<string> {
    await folder.write('below.pem', pem(certificate));
    await folder.write('above.pem', pem(issuer));
    const options = `-partial_chain -x509_strict -vfyopt distid:${SM2_IDENTITY} -trusted above.pem`;
    const { text } = await folder.run(`verify ${options} below.pem`);
    return text.replace('below.pem: ', '').trim();
  }

  async function judge({ content, cms }: { content: Buffer; cms: Buffer }): Promise<Sm2Verdict> {
    const signed = AsnConvert.parse(AsnConvert.parse(cms, ContentInfo).content, SignedData);
    const [info] = signed.signerInfos;
    const certificates = inOrder(
      [...(signed.certificates ?? [])].map((each) => Buffer.from(AsnConvert.serialize(each.certificate!))),
      Buffer.from(info!.sid.issuerAndSerialNumber!.serialNumber),
    );
    const [signer, root] = [certificates[0]!, certificates.at(-1)!];
    const attributes = info!.signedAttrs!;
    const stated = attributes.find(({ attrType }) => attrType === id_messageDigest)!.attrValues[0]!;
    await folder.write('content', content);
    const digest = await folder.run('dgst -sm3 -r content');
    const links: string[] = [];
    for (const [index, issuer] of certificates.slice(1).entries())
      links.push(await leads(certificates[index]!, issuer));
    return {
      digestAlgorithm: info!.digestAlgorithm.algorithm,
      signatureAlgorithm: info!.signatureAlgorithm.algorithm,
      digestHolds: digest.text.startsWith(
        `${Buffer.from(AsnConvert.parse(stated, OctetString).buffer).toString('hex')} `,
      ),
      signatureHolds: await holds(
        {
          content: setOf(attributes.map((each) => Buffer.from(AsnConvert.serialize(each)))),
          signature: Buffer.from(info!.signature.buffer),
        },
        signer,
      ),
      links,
      rootHolds: await holds(partsOfSigned(root), root),
      root,
    };
  }

  return { holds, leads, judge, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

/** By their names, from the signer's, which its serial number tells, up to the root. */
function inOrder(certificates: readonly Buffer[], serialNumber: Buffer): Buffer[] {
  const all = certificates.map((each) => new X509Certificate(each));
  const wanted = serialNumber.toString('hex').replace(/^(?:00)+/, '');
  const chain = all.filter((each) => each.serialNumber.toLowerCase() === wanted);
  for (let last = chain[0]; last && last.issuer !== last.subject; last = chain.at(-1)) {
    const { issuer } = last;
    chain.push(all.find(({ subject }) => subject === issuer)!);
  }
  return chain.map(({ raw }) => raw);
}

/** SEQUENCE { what is signed, algorithm, BIT STRING }, by the lengths alone. */
export function partsOfSigned(signed: Buffer): SignedThing {
  const [whole] = elements(signed);
  const [content, , bits] = elements(whole!.contents);
  return { content: content!.bytes, signature: bits!.contents.subarray(1) };
}

/** The elements of DER that follow one another. */
export function elements(bytes: Buffer): { bytes: Buffer; contents: Buffer }[] {
  const found: { bytes: Buffer; contents: Buffer }[] = [];
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at + 1]!;
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    const start = at + 2 + lengthBytes;
    const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes);
    found.push({ bytes: bytes.subarray(at, start + length), contents: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return found;
}

/** RFC 5652, 5.4: signed is a SET OF in DER order. */
function setOf(members: readonly Buffer[]): Buffer {
  const content = Buffer.concat(members.toSorted((a, b) => Buffer.compare(a, b)));
  const { length } = content;
  const octets = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([0x31, ...octets]), content]);
}
