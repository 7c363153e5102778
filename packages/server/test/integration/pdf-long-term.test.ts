import { PDF } from '@libpdf/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  appendDocumentTimestamp,
  appendValidationData,
  createPdfThreads,
  endOf,
  fillLastContents,
  readSignatures,
  signPdf,
  signPdfPages,
} from '../../src/documents/index.ts';
import {
  signatureTimestampOf,
  signatureValueOf,
  withoutPadding,
  withSignatureTimestamp,
} from '../../src/trust/timestamp/cms-attribute.ts';
import { digestOfSignature, timestampedSigner } from '../../src/trust/timestamp/timestamped-signer.ts';
import type { Timestamps } from '../../src/trust/timestamp/timestamps.ts';
import { pdfOf } from '../support/raw-pdf.ts';
import { longTermWorld, opensslTimestampVerify, type LongTermWorld } from '../support/long-term.ts';
import {
  blankPdf,
  extractSignatures,
  opensslVerify,
  pdfsig,
  qpdfCheck,
  sealAt,
  throughQpdf,
} from '../support/signed-pdf.ts';

const limits = { bytesMax: 10_000_000 };
const signedAt = new Date();
const unavailable: Timestamps = {
  tokenBytesMax: 4096,
  services: [],
  timestamp: async () => ({ kind: 'unavailable', reason: 'down' }),
};

let world: LongTermWorld;
beforeAll(async () => {
  world = await longTermWorld();
});

async function documentTimestamp(pdf: Buffer, fieldName: string, { timestamps } = world): Promise<Buffer> {
  return appendDocumentTimestamp({
    pdf,
    fieldName,
    tokenBytesMax: timestamps.tokenBytesMax,
    limits,
    timestamp: async (sha256) => {
      const answer = await timestamps.timestamp(sha256);
      if (answer.kind !== 'token') throw new Error(answer.reason);
      return answer.der;
    },
  });
}

/** Every signature by pdfsig, qpdf and openssl; every timestamp by openssl. */
async function expectSound(pdf: Buffer, names: readonly string[]): Promise<void> {
  const check = await qpdfCheck(pdf);
  expect(check.status, check.text).toBe(0);
  const signatures = readSignatures(pdf, limits);
  expect(signatures.map(({ fieldName }) => fieldName)).toEqual(names);
  const report = await pdfsig(pdf);
  const signed = signatures.filter(({ kind }) => kind === 'signature').map(({ fieldName }) => fieldName);
  expect(report.filter(({ valid }) => valid).map(({ field }) => field)).toEqual(expect.arrayContaining(signed));
  const extracted = extractSignatures(pdf);
  for (const [index, { kind, contents, byteRange }] of signatures.entries()) {
    const content = Buffer.concat([
      pdf.subarray(0, byteRange[1]),
      pdf.subarray(byteRange[2], byteRange[2] + byteRange[3]),
    ]);
    const value = withoutPadding(contents);
    if (kind === 'timestamp') {
      await opensslTimestampVerify(content, value, world.rootPem);
      continue;
    }
    expect(await opensslVerify(extracted[index]!, world.rootPem)).toContain('CAdES Verification successful');
    const token = signatureTimestampOf(value);
    if (token) await opensslTimestampVerify(signatureValueOf(value), token, world.rootPem);
  }
}

describe('a signature with a timestamp', () => {
  test('carries it as an attribute that nobody signs, and stays valid', async () => {
    const signer = timestampedSigner(world.signer, world.timestamps);
    const pdf = await signPdf({
      pdf: await blankPdf(1),
      fieldName: '签名',
      widget: sealAt(0, 300, 400),
      signer,
      signedAt,
    });
    expect(signer.unstamped()).toBe(0);
    await expectSound(pdf, ['签名']);
    const [signature] = readSignatures(pdf, limits);
    expect(signatureTimestampOf(withoutPadding(signature!.contents))).toBeDefined();
  });

  test('each of one act has its own; where the service is down there is room for it, asked once', async () => {
    let asked = 0;
    const counted: Timestamps = {
      ...unavailable,
      timestamp: async (hash) => ((asked += 1), unavailable.timestamp(hash)),
    };
    const signer = timestampedSigner(world.signer, counted);
    const signatures = [0, 1, 2].map((index) => ({ fieldName: `签名-${index}`, widget: sealAt(index, 300, 400) }));
    const pdf = await signPdfPages({ pdf: await blankPdf(3), signatures, signer, signedAt });
    expect([signer.unstamped(), asked]).toEqual([3, 1]);
    await expectSound(pdf, ['签名-0', '签名-1', '签名-2']);
  });
});

describe('a timestamp that comes later', () => {
  const unstamped = async (count: number): Promise<Buffer> => {
    const signer = timestampedSigner(world.signer, unavailable);
    const signatures = Array.from({ length: count }, (_, index) => ({
      fieldName: `签名-${index}`,
      widget: sealAt(index, 300, 400),
    }));
    return signPdfPages({ pdf: await blankPdf(count), signatures, signer, signedAt });
  };

  test('is put into the last signature, whose room is not signed', async () => {
    const pdf = await unstamped(2);
    const last = readSignatures(pdf, limits).at(-1)!;
    const cms = withoutPadding(last.contents);
    const answer = await world.timestamps.timestamp(digestOfSignature(cms));
    const contents = withSignatureTimestamp(cms, answer.kind === 'token' ? answer.der : cms);
    expect(fillLastContents(pdf, last, contents)).toBe(true);
    await expectSound(pdf, ['签名-0', '签名-1']);
  });

  test('has no place in a signature that another one stands on', async () => {
    const pdf = await unstamped(2);
    const [first] = readSignatures(pdf, limits);
    expect(() => fillLastContents(pdf, first!, Buffer.alloc(1))).toThrow(RangeError);
  });

  test('is not put where the room is too small', async () => {
    const pdf = await unstamped(1);
    const [signature] = readSignatures(pdf, limits);
    const before = Buffer.from(pdf);
    expect(fillLastContents(pdf, signature!, Buffer.alloc(100_000))).toBe(false);
    expect(pdf.equals(before)).toBe(true);
  });

  test.each<[string, () => Promise<Buffer>]>([
    ['a cross-reference table', () => blankPdf(2)],
    ['object streams', async () => throughQpdf(await blankPdf(2), '--object-streams=generate')],
    ['a linearized file', async () => throughQpdf(await blankPdf(2), '--linearize')],
  ])('may be one over the whole document, with what validators need: %s', async (_, make) => {
    const signer = timestampedSigner(world.signer, unavailable);
    const signatures = [0, 1].map((index) => ({ fieldName: `签名-${index}`, widget: sealAt(index, 300, 400) }));
    const signed = await signPdfPages({ pdf: await make(), signatures, signer, signedAt });
    const withData = appendValidationData(signed, world.data, limits);
    const stamped = await documentTimestamp(withData, 'timestamp-1');
    expect(stamped.subarray(0, signed.length).equals(signed)).toBe(true);
    await expectSound(stamped, ['签名-0', '签名-1', 'timestamp-1']);
    expect(endOf(readSignatures(stamped, limits).at(-1)!)).toBe(stamped.length);

    const oracle = await PDF.load(stamped);
    const names = oracle
      .getForm()!
      .getFields()
      .map((field) => field.name);
    expect(names).toEqual(['签名-0', '签名-1', 'timestamp-1']);

    // And once more, as a renewal does: what is there stays, and is not put in twice.
    const renewed = await documentTimestamp(appendValidationData(stamped, world.data, limits), 'timestamp-2');
    await expectSound(renewed, ['签名-0', '签名-1', 'timestamp-1', 'timestamp-2']);
    const certificate = world.data.certificates[0]!;
    expect(renewed.toString('latin1').split(certificate.toString('latin1'))).toHaveLength(2);
  });
});

describe('on threads', () => {
  const pdfThreads = createPdfThreads({ threads: 1 });
  const { upgrades } = pdfThreads;
  afterAll(() => pdfThreads.close());

  const signedFile = async (): Promise<Buffer> =>
    signPdf({ pdf: await blankPdf(1), fieldName: 's', widget: sealAt(0, 300, 400), signer: world.signer, signedAt });
  const own = (pdf: Buffer): Buffer => Buffer.from(new Uint8Array(pdf).buffer);

  test('evidence and a timestamp come out as without them, and the file is moved and not copied', async () => {
    const signed = await signedFile();
    const given = own(signed);
    const found = await upgrades.readSignatures(given, limits);
    expect(given).toHaveLength(0);
    expect(found.pdf.equals(signed)).toBe(true);
    expect(found.signatures).toEqual(readSignatures(signed, limits));

    const expected = appendValidationData(signed, world.data, limits);
    const proved = await upgrades.addValidationData(found.pdf, world.data, limits);
    expect(proved.pdf.equals(expected)).toBe(true);

    const { tokenBytesMax } = world.timestamps;
    const room = await upgrades.addTimestampRoom(proved.pdf, { fieldName: 'timestamp-1', tokenBytesMax }, limits);
    expect(room.original.equals(expected)).toBe(true);
    const answer = await world.timestamps.timestamp(room.sha256);
    const last = room.signatures.at(-1)!;
    expect(last).toMatchObject({ fieldName: 'timestamp-1', kind: 'timestamp' });
    expect(fillLastContents(room.pdf, last, answer.kind === 'token' ? answer.der : Buffer.alloc(0))).toBe(true);
    await expectSound(room.pdf, ['s', 'timestamp-1']);
  });

  test('a form of many fields holds up nobody while it is read', async () => {
    const numbers = Array.from({ length: 10_000 }, (_, index) => index + 5);
    const refs = numbers.map((number) => `${number} 0 R`).join(' ');
    const pdf = pdfOf([
      '<</Type/Catalog/Pages 2 0 R/AcroForm 4 0 R>>',
      '<</Type/Pages/Kids[3 0 R]/Count 1>>',
      '<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>',
      `<</Fields[${refs}]>>`,
      ...numbers.map((number) => `<</FT/Tx/T(field-${number})>>`),
    ]);
    let [turns, isOver] = [0, false];
    const count = (): void => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    const { signatures } = await upgrades.readSignatures(pdf, limits);
    isOver = true;
    expect(signatures).toEqual([]);
    expect(turns).toBeGreaterThan(10);
  });

  test('a file that cannot be read is refused as without them', async () => {
    await expect(upgrades.readSignatures(Buffer.from('hello'), limits)).rejects.toMatchObject({ code: 'not_a_pdf' });
    const signed = await signedFile();
    const small = { bytesMax: signed.length - 1 };
    await expect(upgrades.addValidationData(own(signed), world.data, small)).rejects.toMatchObject({
      code: 'too_large',
    });
    const again = { fieldName: 's', tokenBytesMax: 100 };
    await expect(upgrades.addTimestampRoom(own(signed), again, limits)).rejects.toMatchObject({
      code: 'field_name_taken',
    });
    expect((await upgrades.readSignatures(own(signed), limits)).signatures).toHaveLength(1);
  });
});

test('a document security store keeps what another writer put into it', async () => {
  const signed = await signPdf({
    pdf: await blankPdf(1),
    fieldName: 's',
    widget: sealAt(0, 300, 400),
    signer: world.signer,
    signedAt,
  });
  const { certificates, revocationLists } = world.data;
  const first = appendValidationData(signed, { certificates, revocationLists: [], statusResponses: [] }, limits);
  const second = appendValidationData(first, { certificates, revocationLists, statusResponses: [] }, limits);
  expect(second.subarray(0, first.length).equals(first)).toBe(true);
  expect(appendValidationData(second, world.data, limits)).toBe(second);
  for (const bytes of [...certificates, ...revocationLists]) expect(second.indexOf(bytes)).toBeGreaterThan(0);
  await expectSound(second, ['s']);
});

test('a file that cannot be read is refused as everywhere', async () => {
  expect(() => readSignatures(Buffer.from('hello'), limits)).toThrow('not_a_pdf');
  const pdf = await blankPdf(1);
  expect(readSignatures(pdf, limits)).toEqual([]);
  const broken = documentTimestamp(pdf, 't', { ...world, timestamps: unavailable });
  await expect(broken).rejects.toThrow('down');
});
