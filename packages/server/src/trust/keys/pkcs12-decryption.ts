import { createDecipheriv, createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { DomainError } from '../../platform/errors.ts';
import * as der from '../der.ts';
import type { DerElement } from '../der.ts';

const derive = promisify(pbkdf2);

const OID = {
  pbes2: '1.2.840.113549.1.5.13',
  pbkdf2: '1.2.840.113549.1.5.12',
  sha1With3Des: '1.2.840.113549.1.12.1.3',
} as const;

const CIPHERS: Readonly<Record<string, { name: string; keyBytes: number }>> = {
  '2.16.840.1.101.3.4.1.2': { name: 'aes-128-cbc', keyBytes: 16 },
  '2.16.840.1.101.3.4.1.22': { name: 'aes-192-cbc', keyBytes: 24 },
  '2.16.840.1.101.3.4.1.42': { name: 'aes-256-cbc', keyBytes: 32 },
  '1.2.840.113549.3.7': { name: 'des-ede3-cbc', keyBytes: 24 },
};

const PSEUDORANDOM: Readonly<Record<string, string>> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
};

const MAC_HASHES: Readonly<Record<string, { name: string; blockBytes: number }>> = {
  '1.3.14.3.2.26': { name: 'sha1', blockBytes: 64 },
  '2.16.840.1.101.3.4.2.1': { name: 'sha256', blockBytes: 64 },
  '2.16.840.1.101.3.4.2.2': { name: 'sha384', blockBytes: 128 },
  '2.16.840.1.101.3.4.2.3': { name: 'sha512', blockBytes: 128 },
};

/** What a file may make us compute: a hundred times what programs write into them. */
const ITERATIONS_MAX = 5_000_000;
/** RFC 7292, B.3: what the drawn bytes are for. */
const PURPOSE = { key: 1, iv: 2, mac: 3 } as const;

/** @throws DomainError `pkcs12_invalid` where the passphrase is not the file's */
export async function decrypt(
  algorithm: DerElement | undefined,
  encrypted: Buffer,
  passphrase: string,
): Promise<Buffer> {
  const [identifier, parameters] = inside(algorithm);
  const oid = identifierOf(identifier);
  const { cipher, key, iv } =
    oid === OID.pbes2 ? await pbes2(parameters, passphrase) : tripleDes(oid, parameters, passphrase);
  try {
    const decipher = createDecipheriv(cipher, key, iv);
    return Buffer.concat([decipher.update(encrypted), decipher.final()]);
  } catch (error) {
    throw wrongPassphrase(error);
  }
}

/** RFC 7292, 4 and appendix A: whether the passphrase is the one that the file was closed with. */
export function verifyMac(macData: DerElement, content: Buffer, passphrase: string): void {
  const [digestInfo, salt, iterations] = inside(macData);
  const [algorithm, digest] = inside(digestInfo);
  const [identifier] = inside(algorithm);
  const hash = MAC_HASHES[identifierOf(identifier)];
  if (hash === undefined || digest === undefined || salt === undefined) throw unsupported(identifierOf(identifier));
  const count = iterations === undefined ? 1 : iterationsOf(iterations);
  const key = drawBytes(hash, PURPOSE.mac, passphrase, salt.contents, count, digest.contents.length);
  const expected = createHmac(hash.name, key).update(content).digest();
  if (expected.length !== digest.contents.length || !timingSafeEqual(expected, digest.contents)) {
    throw wrongPassphrase();
  }
}

type Cipher = { cipher: string; key: Buffer; iv: Buffer };

/** RFC 8018, 6.2: PBKDF2 and a cipher of its own. */
async function pbes2(parameters: DerElement | undefined, passphrase: string): Promise<Cipher> {
  const [derivation, scheme] = inside(parameters);
  const [method, settings] = inside(derivation);
  const [cipherIdentifier, iv] = inside(scheme);
  const cipher = CIPHERS[identifierOf(cipherIdentifier)];
  if (identifierOf(method) !== OID.pbkdf2) throw unsupported(identifierOf(method));
  if (cipher === undefined || iv === undefined) throw unsupported(identifierOf(cipherIdentifier));
  const [salt, iterations, ...rest] = inside(settings);
  const [prf] = inside(rest.find(({ tag }) => tag === der.TAG.sequence));
  const hash = prf === undefined ? 'sha1' : PSEUDORANDOM[identifierOf(prf)];
  if (hash === undefined || salt === undefined) throw unsupported(identifierOf(prf));
  const key = await derive(passphrase, salt.contents, iterationsOf(iterations), cipher.keyBytes, hash);
  return { cipher: cipher.name, key, iv: iv.contents };
}

/** RFC 7292, appendix C: what older programs write. RC2, older still, is refused: no library of today opens it. */
function tripleDes(oid: string, parameters: DerElement | undefined, passphrase: string): Cipher {
  const [salt, iterations] = inside(parameters);
  if (oid !== OID.sha1With3Des || salt === undefined) throw unsupported(oid);
  const sha1 = { name: 'sha1', blockBytes: 64 };
  const draw = (purpose: number, bytes: number): Buffer =>
    drawBytes(sha1, purpose, passphrase, salt.contents, iterationsOf(iterations), bytes);
  return { cipher: 'des-ede3-cbc', key: draw(PURPOSE.key, 24), iv: draw(PURPOSE.iv, 8) };
}

/** RFC 7292, B.2. The passphrase counts as a BMPString with its terminator (B.1). */
function drawBytes(
  hash: { name: string; blockBytes: number },
  purpose: number,
  passphrase: string,
  salt: Buffer,
  iterations: number,
  bytes: number,
): Buffer {
  const { name, blockBytes } = hash;
  const text = Buffer.from(`${passphrase}\0`, 'utf16le').swap16();
  const input = Buffer.concat([repeated(salt, blockBytes), repeated(text, blockBytes)]);
  const drawn: Buffer[] = [];
  for (let length = 0; length < bytes;) {
    let block = createHash(name).update(Buffer.alloc(blockBytes, purpose)).update(input).digest();
    for (let round = 1; round < iterations; round += 1) block = createHash(name).update(block).digest();
    drawn.push(block);
    length += block.length;
    addToBlocks(input, repeated(block, blockBytes).subarray(0, blockBytes));
  }
  return Buffer.concat(drawn).subarray(0, bytes);
}

/** Filled up to whole blocks by repeating it. */
function repeated(bytes: Buffer, blockBytes: number): Buffer {
  const length = Math.ceil(bytes.length / blockBytes) * blockBytes;
  return length === 0 ? Buffer.alloc(0) : Buffer.alloc(length, bytes);
}

/** Adds a number, and one, to each block, both taken as big-endian and modulo their length. */
function addToBlocks(blocks: Buffer, addend: Buffer): void {
  for (let start = 0; start < blocks.length; start += addend.length) {
    let carry = 1;
    for (let at = addend.length - 1; at >= 0; at -= 1) {
      const sum = (blocks[start + at] ?? 0) + (addend[at] ?? 0) + carry;
      blocks[start + at] = sum & 0xff;
      carry = sum >> 8;
    }
  }
}

function iterationsOf(element: DerElement | undefined): number {
  const { contents = Buffer.alloc(0) } = element ?? {};
  const count = element?.tag === der.TAG.integer && contents.length <= 4 ? Number(`0x${contents.toString('hex')}`) : 0;
  if (count < 1 || count > ITERATIONS_MAX) throw new RangeError(`1 to ${ITERATIONS_MAX} iterations`);
  return count;
}

function identifierOf(element: DerElement | undefined): string {
  if (element === undefined) throw new RangeError('an algorithm is missing');
  return der.readOid(element);
}

function inside(element: DerElement | undefined): DerElement[] {
  return element === undefined ? [] : der.readElements(element.contents);
}

function wrongPassphrase(cause?: unknown): DomainError {
  return new DomainError('pkcs12_invalid', { reason: 'the passphrase does not open it' }, { cause });
}

function unsupported(algorithm: string): DomainError {
  const reason = `it is closed by ${algorithm}, which is not supported; export it again with AES-256 and SHA-256`;
  return new DomainError('pkcs12_invalid', { reason });
}
