import { expect, test } from 'vitest';
import { textsOf } from '../../../test/texts-of.ts';
import { en } from './en.ts';
import { zh } from './zh.ts';

test('both languages say everything', () => {
  expect(textsOf(en, '').map(([path]) => path)).toEqual(textsOf(zh, '').map(([path]) => path));
  for (const [path, text] of [...textsOf(zh, 'zh'), ...textsOf(en, 'en')]) {
    expect(text.trim(), path).not.toBe('');
    expect(text, path).not.toMatch(/undefined|\[object/);
  }
});

test('no Chinese was left in the English', () => {
  for (const [path, text] of textsOf(en, 'en')) {
    if (!path.includes('.language.')) expect(text.replaceAll(/[甲乙丙]/g, ''), path).not.toMatch(/\p{Script=Han}/u);
  }
});
