import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommandLine } from '../../src/cli/run.ts';
import { createValidation, VALIDATION_LIMITS } from '../../src/validation/index.ts';
import type { ValidationReport } from '../../src/validation/index.ts';
import { CATALOG, PAGE, PAGES, pdfOf, stream } from '../support/raw-pdf.ts';
import type { TestSigner } from '../support/signed-pdf.ts';
import { edited, signedContract } from '../support/tampering.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { startValidationService } from '../support/validation-service.ts';
import type { ValidationService } from '../support/validation-service.ts';

let service: ValidationService;
let signer: TestSigner;
let roots: Buffer[];
let signed: Buffer;
let changed: Buffer;
beforeAll(async () => {
  ({ signer, roots, signed } = await signedContract());
  changed = edited(signed, { 7: stream('', Buffer.from('(Rent: 9000) Tj')) });
  service = await startValidationService({ roots });
});
afterAll(() => service?.stop());

describe('POST /api/verify', () => {
  test('answers what is to be said of a file', async () => {
    const answer = await service.verify(signed);
    expect([answer.status, answer.headers.get('content-type'), answer.headers.get('cache-control')]).toEqual([
      200,
      'application/json; charset=utf-8',
      'no-store',
    ]);
    const report = (await answer.json()) as ValidationReport;
    expect(report).toMatchObject({
      verdict: 'valid',
      file: { bytes: signed.length, revisions: 2, pages: 3 },
      signatures: [{ fieldName: '甲', verdict: 'valid', level: 'B-B', trust: { source: 'operator' }, page: 1 }],
    });
    const tampered = (await (await service.verify(changed)).json()) as ValidationReport;
    expect(tampered.verdict).toBe('changed');
    expect(tampered.signatures[0]!.changes[0]).toMatchObject({
      code: 'page_text_changed',
      allowed: false,
      page: 1,
      words: { zh: '页面内容被改动' },
    });
  });

  test.each([
    ['no file', Buffer.alloc(0), 422, 'not_a_pdf'],
    ['another file', Buffer.from('<html>'), 422, 'not_a_pdf'],
    ['half a file', () => signed.subarray(0, 1_000), 422, 'damaged'],
    ['a file that is too large', () => Buffer.alloc(VALIDATION_LIMITS.bytesMax + 1), 413, 'too_large'],
  ])('refuses %s', async (_, body, status, error) => {
    const answer = await service.verify(Buffer.isBuffer(body) ? body : body());
    expect([answer.status, await answer.json()]).toEqual([status, { error, message: expect.any(String) as string }]);
  });

  test('answers an address only so often', async () => {
    const slow = await startValidationService({ roots, ratePerSecond: 1 });
    try {
      const answers = await Promise.all([1, 2, 3, 4].map(() => slow.verify(signed)));
      const refused = answers.filter(({ status }) => status === 429);
      expect(refused.length).toBeGreaterThanOrEqual(2);
      expect(refused[0]!.headers.get('retry-after')).toBe('1');
      expect(await refused[0]!.json()).toMatchObject({ error: 'too_many_requests' });
    } finally {
      await slow.stop();
    }
  });
});

describe('a file cannot take more than its share', () => {
  const clock = { now: () => new Date() };
  const anchors = async () => [];
  const bytes = (pdf: Buffer): Uint8Array<ArrayBuffer> => new Uint8Array(pdf);

  test('of time: its thread is ended, and the next file has another', async () => {
    const hasty = createValidation({ clock, anchors, limits: { timeMs: 1 } });
    await expect(hasty.validate(bytes(signed))).rejects.toMatchObject({ code: 'too_complex' });
    await hasty.close();
    const patient = createValidation({ clock, anchors });
    expect((await patient.validate(bytes(signed))).verdict).toBe('indeterminate');
    await patient.close();
  });

  test('of turns: who comes when too many wait is told so', async () => {
    const small = createValidation({ clock, anchors, limits: { threads: 1, queueMax: 1 } });
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => small.validate(bytes(signed))));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect((outcomes[2] as PromiseRejectedResult).reason).toMatchObject({ code: 'validation_busy' });
    await small.close();
  });

  const bombs: [string, () => Buffer, RegExp][] = [
    ['nesting', () => pdfOf([CATALOG, PAGES, PAGE, '['.repeat(100_000)]), /not_signed|damaged/],
    ['a page tree of itself', () => pdfOf([CATALOG, '<</Type/Pages/Kids[2 0 R 2 0 R]>>', PAGE]), /not_signed/],
    [
      'a form of itself',
      () => pdfOf(['<</Pages 2 0 R/AcroForm<</Fields[1 0 R]>>/Kids[1 0 R]/FT/Sig/V 1 0 R>>', PAGES, PAGE]),
      /not_signed|broken/,
    ],
    [
      'a form of 2^30 fields',
      () => {
        const fields = Array.from({ length: 30 }, (_, index) => `<</T(x)/Kids[${index + 5} 0 R ${index + 5} 0 R]>>`);
        return pdfOf(['<</Pages 2 0 R/AcroForm<</Fields[4 0 R]>>>>', PAGES, PAGE, ...fields, '<</FT/Sig/T(y)>>']);
      },
      /not_signed/,
    ],
    [
      'an object stream that inflates to a gigabyte',
      () => {
        const zeros = deflateSync(Buffer.alloc(64 * 1024 * 1024));
        const bomb = stream('/Type/ObjStm/N 1/First 4/Filter/FlateDecode', zeros);
        return pdfOf([CATALOG, PAGES, PAGE, bomb], '/Info 4 0 R');
      },
      /not_signed|too_complex|damaged/,
    ],
    [
      'byte ranges without number',
      () => Buffer.concat([signed, Buffer.from('/ByteRange [0 9 20 30]'.repeat(100_000))]),
      /changed/,
    ],
  ];
  test.each(bombs)('of work: %s', async (_, make, expected) => {
    const validation = createValidation({ clock, anchors });
    const outcome = await validation.validate(bytes(make())).then(
      ({ verdict }) => verdict,
      (error: { code: string }) => error.code,
    );
    expect(outcome).toMatch(expected);
    await validation.close();
  });
});

describe('yinxin verify', () => {
  async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
    const [out, err]: [string[], string[]] = [[], []];
    const context = {
      environment: {},
      cwd: folder,
      out: (text: string) => void out.push(text),
      err: (text: string) => void err.push(text),
    };
    const code = await runCommandLine(['verify', ...argv], context, '0');
    return { code, out: out.join('\n'), err: err.join('\n') };
  }
  let folder: string;
  beforeAll(async () => {
    folder = await makeTemporaryFolder('yinxin-verify-');
    await writeFile(join(folder, 'signed.pdf'), signed);
    await writeFile(join(folder, 'changed.pdf'), changed);
    await writeFile(join(folder, 'root.pem'), signer.rootPem);
    await writeFile(join(folder, 'other.pdf'), 'hello');
  });

  test('says yes with 0, no with 1, and that it was not understood with 2', async () => {
    const valid = await run('signed.pdf', '--trust', 'root.pem');
    expect([valid.code, valid.out]).toEqual([0, expect.stringContaining('✓ 甲: Valid') as string]);
    expect((await run('signed.pdf')).code).toBe(1);
    const tampered = await run('changed.pdf', '--trust', 'root.pem', '--language', 'zh');
    expect([tampered.code, tampered.out]).toEqual([
      1,
      expect.stringContaining('页面内容被改动 (第 1 页) [不允许]') as string,
    ]);
    expect(await run('other.pdf')).toMatchObject({ code: 1, err: 'yinxin: this is not a PDF' });
    expect((await run()).code).toBe(2);
    expect((await run('none.pdf')).code).toBe(2);
    expect((await run('signed.pdf', '--trust', 'none.pem')).code).toBe(2);
    expect((await run('signed.pdf', '--trust', 'other.pdf')).code).toBe(2);
    expect((await run('signed.pdf', '--language', 'fr')).code).toBe(2);
  });

  test('gives the whole report as JSON', async () => {
    const { code, out } = await run('signed.pdf', '--trust', 'root.pem', '--json');
    expect([code, (JSON.parse(out) as ValidationReport).verdict]).toEqual([0, 'valid']);
  });
});
