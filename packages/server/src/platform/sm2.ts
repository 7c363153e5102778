import {
  createHash,
  createPrivateKey,
  createPublicKey,
  createSign,
  createVerify,
  ECDH,
  generateKeyPair,
} from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

const generate = promisify(generateKeyPair);

/**
 * SM2 signatures with SM3 (GB/T 32918.2, GM/T 0003.2) by the OpenSSL that Node.js brings.
 *
 * What is signed is e = SM3(Z ‖ M), where Z hashes the signer's identity, the curve and the public key. Node's one-shot
 * `sign` lets nobody say the identity and takes the empty one, with which no reader in China counts. `createSign` gives
 * OpenSSL a finished digest, to which it adds nothing: so Z is put before the message here, and the arithmetic with its
 * random k stays OpenSSL's.
 */
const IDENTITY = Buffer.from('1234567812345678', 'latin1');

/** `AlgorithmIdentifier` of a key: id-ecPublicKey on 1.2.156.10197.1.301. */
const KEY_ALGORITHM = Buffer.from('301306072a8648ce3d020106082a811ccf5501822d', 'hex');
/** SEQUENCE and its length before it, BIT STRING, its length and the count of unused bits behind it. */
const ALGORITHM_AT = 2;
const POINT_AT = ALGORITHM_AT + KEY_ALGORITHM.length + 3;

/** a, b, and the base point of the curve sm2p256v1 (GB/T 32918.5). */
const CURVE = Buffer.from(
  [
    'fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc',
    '28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93',
    '32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7',
    'bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0',
  ].join(''),
  'hex',
);

/** Whether a public or private key is on the SM2 curve, named by its identifier. */
export function isSm2Key(key: KeyObject): boolean {
  if (key.type === 'secret') return false;
  return spkiOf(key).subarray(ALGORITHM_AT).indexOf(KEY_ALGORITHM) === 0;
}

export async function generateSm2Key(): Promise<KeyObject> {
  const { privateKey } = await generate('ec', { namedCurve: 'SM2' });
  return forSm2(privateKey);
}

/** Signs with one key, on the calling thread, in the time of RSA-2048: answers SEQUENCE { r, s } in DER, 72 bytes at most. */
export function sm2Signer(privateKey: KeyObject): (bytes: Buffer) => Buffer {
  const key = forSm2(privateKey);
  const identity = identityDigest(createPublicKey(key));
  return (bytes) => createSign('sm3').update(identity).update(bytes).sign(key);
}

/** Whether a signature in DER over these bytes is by this key, under the identity that GM/T 0009 gives to all. */
export function isSignedBySm2(publicKey: KeyObject, bytes: Buffer, signature: Buffer): boolean {
  const key = forSm2(publicKey);
  return createVerify('sm3').update(identityDigest(key)).update(bytes).verify(key, signature);
}

/** Z = SM3(ENTL ‖ ID ‖ a ‖ b ‖ G ‖ public key), ENTL being the identity's length in bits (GB/T 32918.2, 5.5). */
function identityDigest(publicKey: KeyObject): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(IDENTITY.length * 8);
  return createHash('sm3').update(length).update(IDENTITY).update(CURVE).update(coordinates(publicKey)).digest();
}

/** x ‖ y, also of a key whose point is written compressed. */
function coordinates(publicKey: KeyObject): Buffer {
  const point = spkiOf(publicKey).subarray(POINT_AT);
  return Buffer.from(ECDH.convertKey(point, 'SM2', undefined, undefined, 'uncompressed') as Buffer).subarray(1);
}

function spkiOf(key: KeyObject): Buffer {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return publicKey.export({ type: 'spki', format: 'der' });
}

/**
 * OpenSSL takes a key for one of SM2 when it reads it, and for one of ECDSA on that curve when it has just made it: with
 * the latter it would make other signatures.
 */
function forSm2(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType !== 'ec') return key;
  return key.type === 'private'
    ? createPrivateKey({ key: key.export({ type: 'pkcs8', format: 'der' }), format: 'der', type: 'pkcs8' })
    : createPublicKey({ key: spkiOf(key), format: 'der', type: 'spki' });
}

/** Whether this Node.js makes SM2 signatures as the standard has them: the example of GM/T 0003.5, annex A. */
export function hasSm2(): boolean {
  try {
    const point =
      '0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020' +
      'ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13';
    const signature =
      '3046022100f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3' +
      '022100b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa';
    const key = Buffer.concat([Buffer.from('3059', 'hex'), KEY_ALGORITHM, Buffer.from(`034200${point}`, 'hex')]);
    const publicKey = createPublicKey({ key, format: 'der', type: 'spki' });
    return isSignedBySm2(publicKey, Buffer.from('message digest'), Buffer.from(signature, 'hex'));
  } catch {
    return false;
  }
}
