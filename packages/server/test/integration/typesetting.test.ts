import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { assert, asyncProperty, array, string } from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { createComposer, openPageFont, type Composer } from '../../src/typesetting/index.ts';
import { qpdfCheck } from '../support/signed-pdf.ts';
import { temporaryDirectory } from '../support/service-process.ts';

const run = promisify(execFile);
const folder = await temporaryDirectory('yinxin-typesetting-');
afterAll(() => folder.remove());

async function written(write: (composer: Composer) => void): Promise<{ pdf: Buffer; text: string; pages: number }> {
  const composer = await createComposer({ title: '样张', at: new Date('2026-11-22T00:00:00Z'), footer: '页脚' });
  write(composer);
  const pdf = await composer.finish();
  const file = join(folder.path, `${crypto.randomUUID()}.pdf`);
  await writeFile(file, pdf);
  const [{ stdout: text }, { stdout: info }] = await Promise.all([
    run('pdftotext', ['-layout', file, '-'], { maxBuffer: 16_777_216 }),
    run('pdfinfo', [file]),
  ]);
  return { pdf, text, pages: Number(/Pages:\s+(\d+)/.exec(info)?.[1]) };
}

describe('a document of our own', () => {
  test('holds its text, to search and to copy, and its title', async () => {
    const { pdf, text } = await written((composer) => composer.paragraph('甲方：北京易楼，“合同”编号 HT-1'));
    expect(text).toContain('甲方：北京易楼，“合同”编号 HT-1');
    expect(text).toMatch(/页脚.*1 ?\/ ?1/);
    expect(await qpdfCheck(pdf)).toMatchObject({ status: 0 });
    expect(pdf.includes(Buffer.from('样张', 'utf16le').swap16().toString('hex'))).toBe(true);
  });

  test('says of a character that the font has not which one it is', async () => {
    const { text } = await written((composer) => composer.paragraph('李😀四 ¥5 a\u0000b 가'));
    expect(text).toContain('李[U+1F600]四 ￥5 a b [U+AC00]');
    expect((await openPageFont()).missing('李😀四¥')).toBe('😀');
  });

  test('repeats the head of a table on each page, and loses no row', async () => {
    const rows = Array.from({ length: 120 }, (_, index) => [`行${index}。`, '说明'.repeat(index % 40)]);
    const { text, pages } = await written((composer) =>
      composer.table({
        columns: [
          { title: '序号头', share: 20 },
          { title: '内容', share: 80 },
        ],
        rows,
      }),
    );
    expect(pages).toBeGreaterThan(2);
    expect(text.match(/序号头/g)).toHaveLength(pages);
    for (let index = 0; index < 120; index += 1) expect(text).toContain(`行${index}。`);
  });

  test('parts a row that is longer than a page, and a heading stays with what follows it', async () => {
    const { text, pages } = await written((composer) => {
      composer.space(700);
      composer.heading('标题', 'Heading');
      composer.table({
        columns: [{ title: '列', share: 1 }],
        rows: [[Array.from({ length: 200 }, (_, n) => `第${n}句`).join('\n')]],
      });
    });
    expect(pages).toBe(5);
    const [first = '', second = ''] = text.split('\f');
    expect(first).not.toContain('标题');
    expect(second).toContain('标题');
    for (let n = 0; n < 200; n += 1) expect(text).toContain(`第${n}句`);
  });

  test('is a sound file whatever is written', async () => {
    await assert(
      asyncProperty(array(string({ unit: 'binary', maxLength: 40 }), { minLength: 1, maxLength: 6 }), async (cells) => {
        const { pdf } = await written((composer) => {
          composer.paragraph(cells[0] ?? '');
          composer.record(cells.map((cell) => [cell, cell]));
        });
        expect(await qpdfCheck(pdf)).toMatchObject({ status: 0 });
      }),
      { numRuns: 10 },
    );
  });
});
