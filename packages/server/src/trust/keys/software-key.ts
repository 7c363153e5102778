import { createPublicKey, generateKeyPair, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { DomainError } from '../../platform/errors.ts';
import { generateSm2Key, isSm2Key, sm2Signer } from '../../platform/sm2.ts';
import type { KeyAlgorithm, SigningKey } from './signing-key.ts';

const generate = promisify(generateKeyPair);

const MODULUS_BITS: Readonly<Partial<Record<KeyAlgorithm, number>>> = {
  'RSA-2048': 2048,
  'RSA-3072': 3072,
  'RSA-4096': 4096,
};

/** A new private key. RSA takes a tenth of a second and more, on libuv's pool. */
export async function generatePrivateKey(algorithm: KeyAlgorithm): Promise<KeyObject> {
  if (algorithm === 'SM2') return generateSm2Key();
  const modulusLength = MODULUS_BITS[algorithm];
  const pair =
    modulusLength === undefined
      ? await generate('ec', { namedCurve: 'P-256' })
      : await generate('rsa', { modulusLength });
  return pair.privateKey;
}

/**
 * Which of our algorithms a private or public key is for.
 *
 * @throws DomainError `key_unsupported`
 */
export function algorithmOf(key: KeyObject): KeyAlgorithm {
  if (isSm2Key(key)) return 'SM2';
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa') {
    const known = (['RSA-2048', 'RSA-3072', 'RSA-4096'] as const).find((each) => MODULUS_BITS[each] === modulusLength);
    if (known !== undefined) return known;
  }
  if (key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1') return 'P-256';
  throw new DomainError('key_unsupported', {
    key: `${key.asymmetricKeyType ?? 'secret'} ${modulusLength ?? namedCurve ?? ''}`.trim(),
  });
}

/**
 * A key in this process's memory. It works on libuv's pool, off the main thread: 7,200 RSA signatures a second on two
 * cores instead of 4,200. SM2 alone works where it is called: what Node.js does on the pool takes no identity.
 */
export function softwareKey(privateKey: KeyObject): SigningKey {
  const algorithm = algorithmOf(privateKey);
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  if (algorithm === 'SM2') {
    const signed = sm2Signer(privateKey);
    return { algorithm, publicKey, sign: async (bytes) => signed(bytes) };
  }
  return {
    algorithm,
    publicKey,
    sign: (bytes) =>
      new Promise((resolve, reject) => {
        sign('sha256', bytes, privateKey, (error, signature) => {
          if (error) reject(error);
          else resolve(signature);
        });
      }),
  };
}
