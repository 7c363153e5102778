import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as fc from 'fast-check';
import { opensslFolder, pem, type OpensslFolder } from '../../../test/support/openssl.ts';
import { sm2Judge, type Sm2Judge } from '../../../test/support/sm2-judge.ts';
import { SOFTHSM_PIN, softhsmModule, startToken } from '../../../test/support/softhsm.ts';
import { createVault } from '../../platform/vault.ts';
import { createRoot, issueCompanyCertificate } from '../authority.ts';
import { documentSigner } from '../signers.ts';
import { createKeyStores, type KeyPlace, type KeyStores } from './key-stores.ts';
import { readPkcs12 } from './pkcs12.ts';
import { createPkcs11Keys, readPkcs11Reference } from './pkcs11.ts';
import { SIGNATURE_BYTES_MAX, type KeyAlgorithm } from './signing-key.ts';
import { generatePrivateKey, softwareKey } from './software-key.ts';

const TOKEN = 'yinxin';
const PASSPHRASE = '口令 pass "word"';
const ALGORITHMS = ['RSA-2048', 'RSA-3072', 'P-256', 'SM2'] as const;
const vault = createVault(randomBytes(32));
const CONTEXT = 'certificate/app/company/1';

interface Holder {
  privateKey: KeyObject;
  certificate: Buffer;
  root: Buffer;
}

let folder: OpensslFolder;
let judge: Sm2Judge;
let stores: KeyStores;
let token: Awaited<ReturnType<typeof startToken>> | undefined;
const holders = new Map<KeyAlgorithm, Holder>();

beforeAll(async () => {
  folder = await opensslFolder();
  judge = await sm2Judge();
  if (softhsmModule !== null) token = await startToken(TOKEN);
  const pkcs11 = createPkcs11Keys({ modulePath: softhsmModule, pin: SOFTHSM_PIN });
  stores = createKeyStores({ vault, keysFolder: folder.path, pkcs11 });
  await folder.write('passphrase', PASSPHRASE);
  for (const [index, algorithm] of ALGORITHMS.entries()) {
    const [rootKey, privateKey] = [await generatePrivateKey('P-256'), await generatePrivateKey(algorithm)];
    const now = new Date();
    const root = await createRoot(softwareKey(rootKey), now);
    const { certificate } = await issueCompanyCertificate(
      { certificate: root.certificate, key: softwareKey(rootKey) },
      { subject: { companyName: '上海甲公司' }, publicKey: softwareKey(privateKey).publicKey, now, days: 30 },
    );
    holders.set(algorithm, { privateKey, certificate, root: root.certificate });
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    await folder.write(`${algorithm}.key`, key);
    await folder.write(`${algorithm}.pem`, pem(certificate));
    await folder.write('root.pem', pem(root.certificate));
    const made = await folder.run(
      `pkcs12 -export -inkey ${algorithm}.key -in ${algorithm}.pem -certfile root.pem -out ${algorithm}.p12 -passout file:passphrase`,
    );
    expect(made.text).toBe('');
    if (isTaken('pkcs11', algorithm)) await token?.importKey(key, { label: algorithm, id: `a${index}` });
  }
});

afterAll(async () => {
  await stores.close();
  await token?.remove();
  await judge[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const KINDS = ['database', 'pkcs12', 'pkcs11'] as const;
/** A token needs SoftHSM, which bootstrap installs where it may. */
const isTried = (kind: (typeof KINDS)[number]): boolean => kind !== 'pkcs11' || softhsmModule !== null;

/** Tokens know SM2 each in a way of its own, if at all. */
function isTaken(kind: (typeof KINDS)[number], algorithm: KeyAlgorithm): boolean {
  return kind !== 'pkcs11' || algorithm !== 'SM2';
}

/** By node:crypto, and of SM2, of which that knows no identity, by openssl. */
async function holds(algorithm: KeyAlgorithm, content: Uint8Array, signature: Buffer): Promise<boolean> {
  const { certificate, privateKey } = holders.get(algorithm)!;
  if (algorithm === 'SM2') return judge.holds({ content: Buffer.from(content), signature }, certificate);
  return verify('sha256', content, createPublicKey(privateKey), signature);
}

function placeOf(kind: (typeof KINDS)[number], algorithm: KeyAlgorithm): KeyPlace {
  if (kind === 'pkcs11') return { store: kind, reference: `pkcs11:token=${TOKEN};object=${algorithm}` };
  if (kind === 'pkcs12') {
    return { store: kind, fileName: `${algorithm}.p12`, sealed: vault.seal(Buffer.from(PASSPHRASE), CONTEXT) };
  }
  const bytes = holders.get(algorithm)!.privateKey.export({ type: 'pkcs8', format: 'der' });
  return { store: kind, sealed: vault.seal(bytes, CONTEXT) };
}

/** What every place of a key must do, whichever it is. */
const conformance = (kind: (typeof KINDS)[number]): void => {
  const algorithms = ALGORITHMS.filter((each) => isTaken(kind, each));
  test.each(algorithms)('signs with %s as its certificate says, whatever the bytes are', async (algorithm) => {
    const { certificate, privateKey } = holders.get(algorithm)!;
    const key = await stores.open(placeOf(kind, algorithm), certificate, CONTEXT);
    expect(key.algorithm).toBe(algorithm);
    const publicKey = createPublicKey(privateKey);
    expect(key.publicKey.equals(publicKey.export({ type: 'spki', format: 'der' }))).toBe(true);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2_000 }), async (bytes) => {
        const signature = await key.sign(Buffer.from(bytes));
        expect(await holds(algorithm, bytes, signature)).toBe(true);
        expect(signature.length).toBeLessThanOrEqual(SIGNATURE_BYTES_MAX[algorithm]);
      }),
      { numRuns: 20 },
    );
  });

  test('signs many things at once', async () => {
    const { certificate, privateKey } = holders.get('P-256')!;
    const key = await stores.open(placeOf(kind, 'P-256'), certificate, CONTEXT);
    const contents = Array.from({ length: 40 }, () => randomBytes(64));
    const signatures = await Promise.all(contents.map(async (bytes) => key.sign(bytes)));
    const publicKey = createPublicKey(privateKey);
    expect(contents.every((bytes, index) => verify('sha256', bytes, publicKey, signatures[index]!))).toBe(true);
  });

  test.each(['RSA-2048', 'P-256'] as const)('makes a CMS with %s that openssl finds good', async (algorithm) => {
    const { certificate, root } = holders.get(algorithm)!;
    const key = await stores.open(placeOf(kind, algorithm), certificate, CONTEXT);
    const signer = documentSigner({ key, certificate, chain: [root] });
    const content = Buffer.from('合同');
    await folder.write('content', content);
    await folder.write('cms', await signer.signDetached(createHash('sha256').update(content).digest()));
    await folder.write('trusted.pem', pem(root));
    const verified = await folder.run(
      'cms -verify -binary -inform DER -in cms -content content -out out -cades -CAfile trusted.pem',
    );
    expect(verified.text.trim()).toBe('CAdES Verification successful');
  });

  test('is not taken for a certificate of another key', async () => {
    const other = holders.get('RSA-3072')!.certificate;
    await expect(stores.open(placeOf(kind, 'RSA-2048'), other, CONTEXT)).rejects.toThrow('key_mismatch');
    // Of one algorithm, but another's.
    const privateKey = await generatePrivateKey('P-256');
    const root = await createRoot(softwareKey(privateKey), new Date());
    await expect(stores.open(placeOf(kind, 'P-256'), root.certificate, CONTEXT)).rejects.toThrow('key_mismatch');
  });

  test('that is gone is told as such', async () => {
    const gone: KeyPlace =
      kind === 'database'
        ? { store: 'database', sealed: vault.seal(Buffer.from('x'), 'certificate/app/company/2') }
        : kind === 'pkcs12'
          ? { store: 'pkcs12', fileName: 'gone.p12', sealed: vault.seal(Buffer.from(PASSPHRASE), CONTEXT) }
          : { store: 'pkcs11', reference: `pkcs11:token=${TOKEN};object=gone` };
    const opened = stores.open(gone, holders.get('P-256')!.certificate, CONTEXT);
    await expect(opened).rejects.toThrow(/sealed_unreadable|key_file_missing|holds no private key/);
  });
};
for (const kind of KINDS) describe.skipIf(!isTried(kind))(`a key in ${kind}`, () => conformance(kind));

describe('a PKCS#12 file', () => {
  const forms = {
    'AES-256 and SHA-256': '',
    'AES-128 and SHA-1': '-certpbe AES-128-CBC -keypbe AES-128-CBC -macalg sha1',
    'triple DES, as older programs write': '-certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES -macalg sha1',
    'a MAC by SHA-512': '-macalg sha512',
    'certificates in the open': '-certpbe NONE',
  };
  test.each(Object.entries(forms))('closed by %s opens', async (_, options) => {
    const name = 'form.p12';
    const line = `pkcs12 -export -inkey P-256.key -in P-256.pem -certfile root.pem -out ${name} -passout file:passphrase`;
    await folder.run(`${line} ${options}`.trim());
    const bundle = await stores.readFile(name, PASSPHRASE);
    const { certificate, privateKey } = holders.get('P-256')!;
    expect(bundle.certificate.equals(certificate)).toBe(true);
    expect(bundle.privateKey.equals(privateKey)).toBe(true);
    expect(bundle.others).toHaveLength(1);
  });

  test('with a wrong passphrase, without a certificate, or altered, is refused with a reason', async () => {
    await expect(stores.readFile('P-256.p12', 'wrong')).rejects.toThrow('the passphrase does not open it');
    const line = 'pkcs12 -export -inkey P-256.key -in P-256.pem -nocerts -out no.p12 -passout file:passphrase';
    await folder.run(line);
    await expect(stores.readFile('no.p12', PASSPHRASE)).rejects.toThrow('no certificate');
    await expect(stores.readFile('../P-256.p12', PASSPHRASE)).rejects.toThrow('key_file_missing');
  });

  test('never keeps us computing, nor ends otherwise than by a reason, however it is altered', async () => {
    const file = await readFixture();
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const altered = Buffer.from(file);
        altered[at] = altered[at]! ^ change;
        await readPkcs12(altered, PASSPHRASE).then(
          (bundle) => expect(bundle.privateKey.asymmetricKeyType).toBe('ec'),
          (error: unknown) => expect(String(error)).toContain('pkcs12_invalid'),
        );
      }),
      { numRuns: 300 },
    );
  });

  async function readFixture(): Promise<Buffer> {
    const { readFile } = await import('node:fs/promises');
    return readFile(`${folder.path}/P-256.p12`);
  }
});

describe('a reference to a token', () => {
  test('is read as RFC 7512 writes it', () => {
    expect(readPkcs11Reference('pkcs11:token=The%20token;object=%E5%85%AC%E5%8F%B8')).toEqual({
      token: 'The token',
      object: '公司',
    });
    expect(readPkcs11Reference('pkcs11:token=t;id=%01%ff')).toEqual({ token: 't', id: Buffer.from([1, 255]) });
  });

  test.each([
    '',
    'pkcs11:',
    'pkcs11:token=t',
    'pkcs11:object=k',
    'pkcs11:token=t;object=k?pin-value=1',
    'token=t;id=%0',
  ])('%j is refused', (uri) => {
    expect(() => readPkcs11Reference(uri)).toThrow('pkcs11_reference_invalid');
  });

  test.skipIf(softhsmModule === null)('with a wrong PIN, or of a token that is not there, is told', async () => {
    const { certificate } = holders.get('P-256')!;
    const elsewhere: KeyPlace = { store: 'pkcs11', reference: 'pkcs11:token=other;object=P-256' };
    await expect(stores.open(elsewhere, certificate, CONTEXT)).rejects.toThrow('no token has the label other');
    const none = createKeyStores({ vault, keysFolder: '/', pkcs11: createPkcs11Keys({ modulePath: null, pin: null }) });
    await expect(none.open(elsewhere, certificate, CONTEXT)).rejects.toThrow('no module is configured');
  });
});
