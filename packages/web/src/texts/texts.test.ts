import { expect, test } from 'vitest';
import { en } from './en.ts';
import { zh } from './zh.ts';

/** Every text of a tree with its path; what takes arguments is called with some. */
function textsOf(tree: unknown, path: string): [string, string][] {
  if (typeof tree === 'string') return [[path, tree]];
  if (typeof tree === 'function') return textsOf((tree as (...given: unknown[]) => unknown)('甲', '乙'), path);
  return Object.entries(tree as object).flatMap(([key, value]) => textsOf(value, `${path}.${key}`));
}

const MAY_BE_EMPTY = /\.variant\.hint$/;
const MAY_BE_CHINESE = /language|pictureOf|variants\.contract|warnings\.ownAccount/;

test('both languages say everything', () => {
  expect(textsOf(en, '').map(([path]) => path)).toEqual(textsOf(zh, '').map(([path]) => path));
  for (const [path, text] of [...textsOf(zh, 'zh'), ...textsOf(en, 'en')]) {
    if (!MAY_BE_EMPTY.test(path)) expect(text.trim(), path).not.toBe('');
    expect(text, path).not.toMatch(/undefined|\[object/);
  }
});

test('no Chinese was left in the English, but for names', () => {
  for (const [path, text] of textsOf(en, 'en')) {
    if (!MAY_BE_CHINESE.test(path)) expect(text.replaceAll(/[甲乙]/g, ''), path).not.toMatch(/\p{Script=Han}/u);
  }
});
