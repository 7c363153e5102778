import { webcrypto, X509Certificate } from 'node:crypto';
import { CryptoKeySigner, PDF } from '@libpdf/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  appendDocumentTimestamp,
  appendValidationData,
  sliceAppearance,
  signPdf,
  signPdfPages,
} from '../../src/documents/index.ts';
import { timestampedSigner } from '../../src/trust/timestamp/timestamped-signer.ts';
import { examine } from '../../src/validation/examine.ts';
import { longTermWorld } from '../support/long-term.ts';
import type { LongTermWorld } from '../support/long-term.ts';
import { hybridPdf } from '../support/raw-pdf.ts';
import { rootIssuedCertificate } from '../support/root-issued.ts';
import { blankPdf, sealAt, square, testSigner, throughQpdf } from '../support/signed-pdf.ts';
import { contractWithEverything, edited, forbidden, report, sealed } from '../support/tampering.ts';

const signedAt = new Date('2026-03-01T16:30:05.000Z');
const rootOf = ({ rootPem }: { rootPem: string }): Buffer => new X509Certificate(rootPem).raw;

describe('signatures of several people', () => {
  const files: [string, () => Promise<Buffer>][] = [
    ['a cross-reference table', async () => blankPdf(2)],
    ['a form, fields, annotations', async () => contractWithEverything()],
    ['object streams', async () => throughQpdf(contractWithEverything(), '--object-streams=generate')],
    ['a linearized file', async () => throughQpdf(await blankPdf(3), '--linearize')],
    [
      'a linearized file with object streams',
      async () => throughQpdf(await blankPdf(3), '--linearize', '--object-streams=generate'),
    ],
    ['a hybrid file', async () => hybridPdf()],
    [
      'a file with a tail',
      async () => Buffer.concat([await blankPdf(1), Buffer.from('\0\0\0 tail without a line break')]),
    ],
  ];

  test.each(files)('all hold over %s, and each sees only the others', async (_, make) => {
    const signers = [
      await testSigner('P-256', '甲'),
      await testSigner('RSA-2048', '乙'),
      await testSigner('P-256', '丙'),
    ];
    let pdf = await make();
    for (const [index, signer] of signers.entries()) pdf = await sealed(pdf, `s${index}`, signer, 100 + index * 150);
    const found = report(pdf, signers.map(rootOf));
    expect(found.verdict).toBe('valid');
    expect(found.signatures.map(({ verdict }) => verdict)).toEqual([
      'valid_with_changes',
      'valid_with_changes',
      'valid',
    ]);
    expect(found.signatures.map(({ signer }) => signer?.commonName)).toEqual(['甲', '乙', '丙']);
    expect(found.signatures.map(({ changes }) => changes.map(({ code, count }) => [code, count]))).toEqual([
      expect.arrayContaining([['signature_added', 2]]),
      [['signature_added', 1]],
      [],
    ]);
    expect(forbidden(found)).toEqual([]);
  });

  test('a cross-page seal is a signature on each page, told together', async () => {
    const signer = await testSigner('P-256', '甲');
    const seal = square('#D00000');
    const signatures = Array.from({ length: 40 }, (_, index) => ({
      fieldName: `s${index}`,
      widget: {
        pageIndex: index,
        drawings: [{ rect: [590, 300, 595, 400] as const, appearance: sliceAppearance(seal, 40, index) }] as const,
      },
    }));
    const found = report(await signPdfPages({ pdf: await blankPdf(40), signatures, signer, signedAt }), [
      rootOf(signer),
    ]);
    expect([found.verdict, found.file.revisions, found.signatures.length]).toEqual(['valid', 41, 40]);
    expect(found.signatures[0]!.changes).toMatchObject([{ code: 'signature_added', count: 39, allowed: true }]);
    expect(found.signatures[39]).toMatchObject({ page: 40, revision: 41, coversWholeFile: true });
  });

  test('a file that another program signed, and we after it', async () => {
    const { root, company } = await rootIssuedCertificate('外部公司');
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
    const key = await webcrypto.subtle.importKey('pkcs8', company.privateKey, algorithm, false, ['sign']);
    const foreign = new CryptoKeySigner(key, company.certificate, 'EC', 'ECDSA', [root.certificate]);
    let pdf: Buffer = await blankPdf(1);
    for (const fieldName of ['A', 'B']) {
      const document = await PDF.load(pdf);
      pdf = Buffer.from((await document.sign({ signer: foreign, fieldName })).bytes);
    }
    const own = await testSigner('P-256', '甲');
    pdf = await sealed(pdf, 'C', own);
    const found = report(pdf, [root.certificate, rootOf(own)]);
    expect(found.signatures.map(({ verdict, signer }) => [verdict, signer?.commonName])).toEqual([
      ['valid_with_changes', '外部公司'],
      ['valid_with_changes', '外部公司'],
      ['valid', '甲'],
    ]);
  });
});

describe('time and level', () => {
  const limits = { bytesMax: 10_000_000 };
  const stamped = async (world: LongTermWorld): Promise<Buffer> => {
    const signer = timestampedSigner(world.signer, world.timestamps);
    return signPdf({ pdf: await blankPdf(1), fieldName: 'a', signer, signedAt, widget: sealAt(0, 100, 400) });
  };
  const documentTimestamp = (world: LongTermWorld, pdf: Buffer): Promise<Buffer> =>
    appendDocumentTimestamp({
      pdf,
      fieldName: 't',
      tokenBytesMax: world.timestamps.tokenBytesMax,
      limits,
      timestamp: async (sha256) => {
        const answer = await world.timestamps.timestamp(sha256);
        if (answer.kind !== 'token') throw new Error(answer.reason);
        return answer.der;
      },
    });
  const levelOf = (pdf: Buffer, { root }: LongTermWorld): unknown[] => {
    const { verdict, signatures } = report(pdf, [root]);
    return [verdict, signatures[0]!.level, signatures[0]!.provenTime?.source, signatures[0]!.revocation.state];
  };

  test('from B-B to B-LTA', async () => {
    const world = await longTermWorld();
    const plain = await signPdf({
      pdf: await blankPdf(1),
      fieldName: 'a',
      signer: world.signer,
      signedAt,
      widget: sealAt(0, 100, 400),
    });
    expect(levelOf(plain, world)).toEqual(['valid', 'B-B', undefined, 'unknown']);
    const pdf = await stamped(world);
    expect(levelOf(pdf, world)).toEqual(['valid', 'B-T', 'signature_timestamp', 'unknown']);
    const longTerm = appendValidationData(pdf, world.data, limits);
    expect(levelOf(longTerm, world)).toEqual(['valid_with_changes', 'B-LT', 'signature_timestamp', 'good']);
    const archived = await documentTimestamp(world, longTerm);
    expect(levelOf(archived, world)).toEqual(['valid', 'B-LTA', 'signature_timestamp', 'good']);
    expect(levelOf(appendValidationData(archived, world.data, limits), world)[1]).toBe('B-LTA');
    const { signatures } = report(archived, [world.root]);
    expect(signatures[1]).toMatchObject({ kind: 'timestamp', verdict: 'valid', coversWholeFile: true });
  });

  test('a timestamp of the document vouches for what was signed before it', async () => {
    const world = await longTermWorld();
    const plain = await signPdf({
      pdf: await blankPdf(1),
      fieldName: 'a',
      signer: world.signer,
      signedAt,
      widget: sealAt(0, 100, 400),
    });
    expect(levelOf(await documentTimestamp(world, plain), world)).toEqual([
      'valid',
      'B-T',
      'document_timestamp',
      'unknown',
    ]);
  });

  test('the time that a signer states is told with its zone, and as its own word', async () => {
    const world = await longTermWorld();
    const plain = await signPdf({
      pdf: await blankPdf(1),
      fieldName: 'a',
      signer: world.signer,
      signedAt,
      widget: sealAt(0, 100, 400),
    });
    const [signature] = report(plain, [world.root]).signatures;
    expect(signature!.claimed.at).toBe('2026-03-02T00:30:05+08:00');
    expect(signature!.problems.map(({ code }) => code)).toEqual(['time_not_proven']);
  });

  test('a certificate that has expired since: only a proven time helps', async () => {
    const world = await longTermWorld();
    const plain = await signPdf({
      pdf: await blankPdf(1),
      fieldName: 'a',
      signer: world.signer,
      signedAt,
      widget: sealAt(0, 100, 400),
    });
    const later = new Date(Date.now() + 5 * 365 * 86_400_000);
    expect(report(plain, [world.root], later).verdict).toBe('indeterminate');
    expect(report(plain, [world.root], later).signatures[0]!.problems[0]!.code).toBe('certificate_expired');
    expect(report(await stamped(world), [world.root], later).verdict).toBe('valid');
  });

  test('no digit of a timestamp, or of a signature with one, can be changed unseen', async () => {
    const world = await longTermWorld();
    const one = await stamped(world);
    const archived = await documentTimestamp(world, appendValidationData(one, world.data, limits));
    for (const pdf of [one, archived]) {
      const holes = [...pdf.toString('latin1').matchAll(/\/ByteRange \[0 (\d+) (\d+)/g)].at(-1)!.slice(1).map(Number);
      fc.assert(
        fc.property(fc.integer({ min: holes[0]!, max: holes[0]! + 9_000 }), fc.nat({ max: 14 }), (at, difference) => {
          const tampered = Buffer.from(pdf);
          const digit = Number.parseInt(String.fromCharCode(pdf[at]!), 16) || 0;
          tampered.write(((digit + 1 + difference) % 16).toString(16), at);
          expect(report(tampered, [world.root]).verdict).not.toMatch(/^valid/);
        }),
        { numRuns: 300 },
      );
    }
  });

  test('a timestamp that was changed is no timestamp any more, and the signature no signature', async () => {
    const world = await longTermWorld();
    const pdf = await stamped(world);
    const other = await longTermWorld();
    expect(report(pdf, [other.root]).signatures[0]!.problems.map(({ code }) => code)).toEqual([
      'issuer_unknown',
      'timestamp_untrusted',
    ]);
    const from = Number(/\/ByteRange \[0 (\d+)/.exec(pdf.toString('latin1'))?.[1]);
    const oid = Buffer.from('2a864886f70d010910020e', 'hex').toString('hex');
    const at = pdf.indexOf(oid, from);
    pdf.write('15', at + oid.length - 2, 'latin1');
    expect(report(pdf, [world.root]).verdict).not.toMatch(/^valid/);
  });
});

describe('trust', () => {
  test('an unknown issuer leaves it undetermined', async () => {
    const [signer, other] = [await testSigner('P-256', '甲'), await testSigner('P-256', '甲')];
    const pdf = await sealed(await blankPdf(1), 's', signer);
    const found = report(pdf, [rootOf(other)]);
    expect(found.verdict).toBe('indeterminate');
    expect(found.signatures[0]).toMatchObject({
      integrity: 'intact',
      trust: { state: 'unknown', source: null, root: null },
    });
  });

  test('who vouches is told', async () => {
    const signer = await testSigner('P-256', '甲');
    const pdf = await sealed(await blankPdf(1), 's', signer);
    const found = examine({ pdf, anchors: [{ der: rootOf(signer), source: 'operator' }], crls: [], now: new Date() });
    expect(found.signatures[0]!.trust).toMatchObject({ state: 'trusted', source: 'operator' });
  });

  test('a signer’s own certificate among the trusted roots is enough', async () => {
    const signer = await testSigner('P-256', '甲');
    expect(report(await sealed(await blankPdf(1), 's', signer), [signer.certificate]).signatures[0]!.trust.state).toBe(
      'trusted',
    );
  });
});

describe('what is no signed PDF', () => {
  const codeOf = (pdf: Buffer): string => {
    try {
      return report(pdf, []).verdict;
    } catch (error) {
      return (error as { code: string }).code;
    }
  };

  test('is told apart', async () => {
    const pdf = await blankPdf(1);
    expect(codeOf(pdf)).toBe('not_signed');
    expect(codeOf(edited(contractWithEverything(), { 17: '<</Title(B)>>' }))).toBe('not_signed');
    expect(codeOf(Buffer.from('hello'))).toBe('not_a_pdf');
    expect(codeOf(Buffer.alloc(0))).toBe('not_a_pdf');
    expect(codeOf(pdf.subarray(0, 400))).toBe('damaged');
    expect(codeOf(await throughQpdf(pdf, '--encrypt', '', 'x', '256', '--'))).toBe('encrypted');
  });
});
