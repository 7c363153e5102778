import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { DomainError } from '../../platform/errors.ts';
import { readCertificate } from '../certificate-reader.ts';
import * as der from '../der.ts';
import type { DerElement } from '../der.ts';
import { definiteLengths } from '../timestamp/asn1.ts';
import { decrypt, verifyMac } from './pkcs12-decryption.ts';

/** A private key, its certificate, and whatever other certificates came along; DER. */
export type KeyBundle = { privateKey: KeyObject; certificate: Buffer; others: Buffer[] };

const OID = {
  data: '1.2.840.113549.1.7.1',
  encryptedData: '1.2.840.113549.1.7.6',
  keyBag: '1.2.840.113549.1.12.10.1.1',
  shroudedKeyBag: '1.2.840.113549.1.12.10.1.2',
  certificateBag: '1.2.840.113549.1.12.10.1.3',
  nestedBag: '1.2.840.113549.1.12.10.1.6',
  x509Certificate: '1.2.840.113549.1.9.22.1',
} as const;

const FILE_BYTES_MAX = 256 * 1024;
const NESTING_MAX = 4;

/**
 * Opens a PKCS#12 file (RFC 7292) with one private key and its certificate in it.
 *
 * @throws DomainError `pkcs12_invalid` with a reason that the operator can act on
 */
export async function readPkcs12(file: Buffer, passphrase: string): Promise<KeyBundle> {
  if (file.length > FILE_BYTES_MAX) throw invalid(`it is larger than ${FILE_BYTES_MAX} bytes`);
  try {
    // Java and some tokens write indefinite lengths.
    const [pfx] = der.readElements(definiteLengths(file));
    const [, authSafe, macData] = inside(pfx);
    const content = dataOf(authSafe);
    if (macData === undefined) throw invalid('it has no MAC: nobody could tell whether it was altered');
    verifyMac(macData, content, passphrase);
    const bags: Bags = { privateKeys: [], certificates: [] };
    const [contents] = der.readElements(definiteLengths(content));
    for (const info of inside(contents)) await readBags(await openContent(info, passphrase), passphrase, bags, 0);
    return bundle(bags);
  } catch (error) {
    if (error instanceof RangeError) throw invalid('it is not a PKCS#12 file', error);
    throw error;
  }
}

type Bags = { privateKeys: KeyObject[]; certificates: Buffer[] };

function bundle({ privateKeys, certificates }: Bags): KeyBundle {
  const [privateKey, another] = privateKeys;
  if (privateKey === undefined) throw invalid('it holds no private key');
  if (another !== undefined) throw invalid('it holds several private keys; export the one that shall sign');
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const certificate = certificates.find((each) => readCertificate(each).publicKeyInfo.equals(publicKey));
  if (certificate === undefined) throw invalid("it holds no certificate of the private key's");
  return { privateKey, certificate, others: certificates.filter((each) => each !== certificate) };
}

async function openContent(info: DerElement, passphrase: string): Promise<Buffer> {
  const [type, tagged] = inside(info);
  if (type !== undefined && der.readOid(type) === OID.encryptedData) {
    // EncryptedData: version, EncryptedContentInfo { contentType, algorithm, [0] content }
    const [encryptedData] = inside(tagged);
    const [, encryptedContentInfo] = inside(encryptedData);
    const [, algorithm, content] = inside(encryptedContentInfo);
    return decrypt(algorithm, octetsOf(content), passphrase);
  }
  return dataOf(info);
}

async function readBags(safeContents: Buffer, passphrase: string, bags: Bags, depth: number): Promise<void> {
  if (depth > NESTING_MAX) throw new RangeError('nested too deep');
  const [list] = der.readElements(definiteLengths(safeContents));
  for (const bag of inside(list)) {
    const [type, tagged] = inside(bag);
    const [value] = inside(tagged);
    if (type === undefined || value === undefined) throw new RangeError('a bag without contents');
    const kind = der.readOid(type);
    if (kind === OID.keyBag) bags.privateKeys.push(privateKeyOf(value.bytes));
    if (kind === OID.shroudedKeyBag) {
      const [algorithm, encrypted] = inside(value);
      bags.privateKeys.push(privateKeyOf(await decrypt(algorithm, octetsOf(encrypted), passphrase)));
    }
    if (kind === OID.certificateBag) {
      const [certificateType, octets] = inside(value);
      const [certificate] = inside(octets);
      if (certificateType !== undefined && der.readOid(certificateType) === OID.x509Certificate && certificate) {
        bags.certificates.push(octetsOf(certificate));
      }
    }
    if (kind === OID.nestedBag) await readBags(value.bytes, passphrase, bags, depth + 1);
  }
}

function privateKeyOf(pkcs8: Buffer): KeyObject {
  try {
    return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  } catch (error) {
    throw invalid('its private key is not understood', error);
  }
}

/** ContentInfo of type data: what is in its OCTET STRING. */
function dataOf(info: DerElement | undefined): Buffer {
  const [type, tagged] = inside(info);
  if (type === undefined || der.readOid(type) !== OID.data) throw new RangeError('not data');
  const [octets] = inside(tagged);
  return octetsOf(octets);
}

/** The bytes of an OCTET STRING, whole or in pieces, or of one under an implicit tag. */
function octetsOf(element: DerElement | undefined): Buffer {
  if (element === undefined) throw new RangeError('octets are missing');
  const isInPieces = (element.tag & 0x20) !== 0;
  return isInPieces ? Buffer.concat(inside(element).map(({ contents }) => contents)) : element.contents;
}

function inside(element: DerElement | undefined): DerElement[] {
  return element === undefined ? [] : der.readElements(element.contents);
}

function invalid(reason: string, cause?: unknown): DomainError {
  return new DomainError('pkcs12_invalid', { reason }, { cause });
}
