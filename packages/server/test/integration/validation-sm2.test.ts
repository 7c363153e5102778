import { sign, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import { ContentInfo, id_contentType, SignedData } from '@peculiar/asn1-cms';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommandLine } from '../../src/cli/run.ts';
import { signPdf } from '../../src/documents/index.ts';
import { sm2Signer } from '../../src/platform/sm2.ts';
import { createIssuing, createRoot, issueCompanyCertificate } from '../../src/trust/authority.ts';
import * as der from '../../src/trust/der.ts';
import { documentSigner, type DocumentSigner } from '../../src/trust/index.ts';
import type { SigningKey } from '../../src/trust/keys/signing-key.ts';
import { generatePrivateKey, softwareKey } from '../../src/trust/keys/software-key.ts';
import type { ValidationReport } from '../../src/validation/index.ts';
import { stream } from '../support/raw-pdf.ts';
import { opensslFolder, type OpensslFolder } from '../support/openssl.ts';
import { sealAt } from '../support/signed-pdf.ts';
import { elements, SM2_IDENTITY } from '../support/sm2-judge.ts';
import { contractWithEverything, edited, report } from '../support/tampering.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { startValidationService, type ValidationService } from '../support/validation-service.ts';

const SM2_SIGNATURE = '1.2.156.10197.1.301.1';
const GB_T_35275 = { signedData: '1.2.156.10197.6.1.4.2.2', data: '1.2.156.10197.6.1.4.2.1' };

let folder: OpensslFolder;
let service: ValidationService;
/** Of the company, and of the two authorities above it. */
let leaf: KeyObject;
let world: World;
let signed: Buffer;

interface World {
  leaf: Buffer;
  chain: Buffer[];
  root: Buffer;
}

/** A company under an issuing authority under a root, one of them certified with an empty identity where it is named. */
async function worldOf(leafKey: KeyObject, wrong?: 'issuing' | 'company'): Promise<World> {
  const now = new Date();
  const [rootKey, issuingKey] = [await generatePrivateKey('SM2'), await generatePrivateKey('SM2')];
  const keyOf = (privateKey: KeyObject, isWrong: boolean): SigningKey =>
    isWrong ? withoutIdentity(privateKey) : softwareKey(privateKey);
  const root = await createRoot(softwareKey(rootKey), now);
  const { certificate } = await createIssuing(
    { certificate: root.certificate, key: keyOf(rootKey, wrong === 'issuing') },
    { publicKey: softwareKey(issuingKey).publicKey, now },
  );
  const company = await issueCompanyCertificate(
    { certificate, key: keyOf(issuingKey, wrong === 'company') },
    { subject: { companyName: '上海甲公司' }, publicKey: softwareKey(leafKey).publicKey, now, days: 30 },
  );
  return { leaf: company.certificate, chain: [certificate, root.certificate], root: root.certificate };
}

const signerOf = ({ leaf: certificate, chain }: World, key: SigningKey): DocumentSigner =>
  documentSigner({ key, certificate, chain });

const signedBy = async (signer: DocumentSigner): Promise<Buffer> =>
  signPdf({
    pdf: contractWithEverything(),
    fieldName: 'a',
    signer,
    signedAt: new Date(),
    widget: sealAt(0, 300, 300),
  });

/** A key that openssl uses, under whatever identity. */
async function opensslKey(privateKey: KeyObject, identity: string): Promise<SigningKey> {
  const { publicKey } = softwareKey(privateKey);
  await folder.write('own.key', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  return {
    algorithm: 'SM2',
    publicKey,
    async sign(bytes) {
      await folder.write('bytes', bytes);
      const made = await folder.run(`dgst -sm3 -sign own.key -sigopt distid:${identity} -hex bytes`);
      return Buffer.from(/= ([0-9a-f]+)\s*$/.exec(made.text)![1]!, 'hex');
    },
  };
}

/** Node's own way to sign with such a key, which takes an empty identity. */
function withoutIdentity(privateKey: KeyObject): SigningKey {
  return { ...softwareKey(privateKey), sign: async (bytes) => sign('sm3', bytes, privateKey) };
}

const problemsOf = (found: ValidationReport): string[] =>
  found.signatures.flatMap(({ problems }) => problems.map(({ code }) => code));

beforeAll(async () => {
  folder = await opensslFolder();
  leaf = await generatePrivateKey('SM2');
  world = await worldOf(leaf);
  signed = await signedBy(signerOf(world, softwareKey(leaf)));
  service = await startValidationService({ roots: [world.root] });
});
afterAll(async () => {
  await service.stop();
  await folder[Symbol.asyncDispose]();
});

describe('an SM2 signature', () => {
  test('is valid over HTTP and at the command line; a file that was tampered with is not', async () => {
    const broken = Buffer.from(signed);
    broken.write('9', broken.indexOf('Rent: 1000') + 6);
    const files = { valid: signed, broken, changed: edited(signed, { 7: stream('', Buffer.from('(Rent: 9000) Tj')) }) };
    const path = await makeTemporaryFolder('yinxin-sm2-');
    await writeFile(join(path, 'root.pem'), new X509Certificate(world.root).toString());
    for (const [name, pdf] of Object.entries(files)) {
      const answer = (await (await service.verify(pdf)).json()) as ValidationReport;
      expect(answer.verdict).toBe(name);
      await writeFile(join(path, `${name}.pdf`), pdf);
      const context = { cwd: path, environment: {}, out: () => {}, err: () => {} };
      const argv = ['verify', join(path, `${name}.pdf`), '--trust', join(path, 'root.pem')];
      expect(await runCommandLine(argv, context, '0')).toBe(name === 'valid' ? 0 : 1);
    }
    const found = report(signed, [world.root]);
    expect(problemsOf(found)).toEqual(['time_not_proven']);
    expect(found.signatures[0]).toMatchObject({ level: 'B-B', trust: { state: 'trusted' }, integrity: 'intact' });
    expect(problemsOf(report(broken, [world.root]))).toContain('cms_digest_differs');
  });

  test('of openssl is valid under the identity of GM/T 0009, and broken under any other', async () => {
    const under = async (identity: string) =>
      report(await signedBy(signerOf(world, await opensslKey(leaf, identity))), [world.root]);
    expect((await under(SM2_IDENTITY)).verdict).toBe('valid');
    for (const identity of ['1234567812345679', 'ALICE123@YAHOO.COM', '']) {
      const found = await under(identity);
      expect([identity, found.verdict, problemsOf(found)[0]]).toEqual([identity, 'broken', 'cms_signature_wrong']);
    }
    const empty = withoutIdentity(leaf);
    expect(report(await signedBy(signerOf(world, empty)), [world.root]).verdict).toBe('broken');
  });

  test('by another key, or another kind of key, is broken', async () => {
    const other = softwareKey(await generatePrivateKey('SM2'));
    expect(report(await signedBy(signerOf(world, other)), [world.root]).verdict).toBe('broken');
    const p256 = softwareKey(await generatePrivateKey('P-256'));
    const mixed: SigningKey = { ...p256, algorithm: 'SM2' };
    expect(report(await signedBy(signerOf(world, mixed)), [world.root]).verdict).toBe('broken');
  });

  test('over a digest that is not SM3 is broken', async () => {
    const signer = signerOf(world, softwareKey(leaf));
    // Whoever names another digest beside the signature, where nothing vouches for it.
    const found = report(
      await signedBy({ ...signer, digestAlgorithm: 'sha256', ...remade(signer, { digest: '2.16.840.1.101.3.4.2.1' }) }),
      [world.root],
    );
    expect(found.verdict).toBe('broken');
    expect(problemsOf(found)[0]).toBe('cms_malformed');
  });

  test('is valid as GB/T 35275 names things, too', async () => {
    const signer = signerOf(world, softwareKey(leaf));
    const byKey = { ...signer, ...remade(signer, { algorithm: SM2_SIGNATURE }) };
    expect(report(await signedBy(byKey), [world.root]).verdict).toBe('valid');
    const whole = { ...signer, ...remade(signer, { algorithm: SM2_SIGNATURE, types: GB_T_35275 }) };
    expect(report(await signedBy(whole), [world.root]).verdict).toBe('valid');
    const mixed = remade(signer, { types: { ...GB_T_35275, data: '1.2.840.113549.1.7.1' } });
    expect(report(await signedBy({ ...signer, ...mixed }), [world.root]).verdict).toBe('broken');
  });

  test('is never valid with a byte of the file altered', () => {
    const [from, to] = /\/ByteRange \[0 (\d+) (\d+)/.exec(signed.toString('latin1'))!.slice(1).map(Number);
    const anywhere = fc.oneof(
      { weight: 1, arbitrary: fc.nat(signed.length - 1) },
      { weight: 3, arbitrary: fc.integer({ min: from!, max: Math.min(to!, from! + 5_000) }) },
    );
    fc.assert(
      fc.property(anywhere, fc.integer({ min: 1, max: 255 }), (at, change) => {
        const altered = Buffer.from(signed);
        altered[at] = altered[at]! ^ change;
        expect(verdictOf(altered)).not.toMatch(/^valid/);
      }),
      { numRuns: 400 },
    );
  });

  test('is never valid with a digit of its CMS altered', () => {
    const from = Number(/\/ByteRange \[0 (\d+)/.exec(signed.toString('latin1'))![1]) + 1;
    const digits = 2 * elements(Buffer.from(signed.toString('latin1', from, from + 4_000), 'hex'))[0]!.bytes.length;
    fc.assert(
      fc.property(fc.nat(digits - 1), fc.integer({ min: 1, max: 15 }), (at, difference) => {
        const altered = Buffer.from(signed);
        const digit = Number.parseInt(String.fromCharCode(altered[from + at]!), 16);
        altered.write(((digit + difference) % 16).toString(16), from + at, 'latin1');
        expect(verdictOf(altered)).not.toMatch(/^valid/);
      }),
      { numRuns: 600 },
    );
  });
});

describe('a chain of SM2 links', () => {
  test('leads to its own root alone', async () => {
    const other = await worldOf(leaf);
    expect(report(signed, [other.root]).verdict).toBe('indeterminate');
    expect(problemsOf(report(signed, [other.root]))).toContain('issuer_unknown');
  });

  test.each(['issuing', 'company'] as const)(
    'is broken where the %s certificate was signed under another identity',
    async (which) => {
      const made = await worldOf(leaf, which);
      const found = report(await signedBy(signerOf(made, softwareKey(leaf))), [made.root]);
      expect([found.verdict, problemsOf(found)[0]]).toEqual(['broken', 'cms_certificate_damaged']);
    },
  );
});

function verdictOf(pdf: Buffer): string {
  try {
    return report(pdf, [world.root]).verdict;
  } catch (error) {
    return String((error as { code?: string }).code);
  }
}

/** The signer's CMS with other object identifiers; signed anew where one of them is signed. */
function remade(
  signer: DocumentSigner,
  changed: { algorithm?: string; digest?: string; types?: { signedData: string; data: string } },
): Pick<DocumentSigner, 'signDetached' | 'signatureBytesMax'> {
  const signedAgain = sm2Signer(leaf);
  return {
    signatureBytesMax: signer.signatureBytesMax + 32,
    async signDetached(digest) {
      const content = AsnConvert.parse(await signer.signDetached(digest), ContentInfo);
      const data = AsnConvert.parse(content.content, SignedData);
      const info = data.signerInfos[0]!;
      if (changed.algorithm !== undefined) info.signatureAlgorithm.algorithm = changed.algorithm;
      if (changed.digest !== undefined) {
        info.digestAlgorithm.algorithm = changed.digest;
        data.digestAlgorithms[0]!.algorithm = changed.digest;
      }
      if (changed.types !== undefined) {
        content.contentType = changed.types.signedData;
        data.encapContentInfo.eContentType = changed.types.data;
        const type = info.signedAttrs!.find(({ attrType }) => attrType === id_contentType)!;
        type.attrValues = [new Uint8Array(der.oid(changed.types.data)).buffer];
        const attributes = elements(Buffer.from(AsnConvert.serialize(info))).flatMap(({ contents }) =>
          elements(contents),
        );
        const stored = attributes.find(({ bytes }) => bytes[0] === 0xa0)!.bytes;
        const value = signedAgain(Buffer.concat([Buffer.from([0x31]), stored.subarray(1)]));
        info.signature = new OctetString(new Uint8Array(value).buffer);
      }
      content.content = AsnConvert.serialize(data);
      return Buffer.from(AsnConvert.serialize(content));
    },
  };
}
