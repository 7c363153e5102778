import { expect, test } from 'vitest';
import { checkCompany, tidyCompany } from './company-form.ts';

const company = { orgName: '甲公司', orgCode: '91350100M000100Y43', legalRepName: '张三' };

test('spaces, small and full-width letters in the code are no mistakes', () => {
  const typed = { orgName: ' 甲公司 ', orgCode: ' ９１35 0100 m000-100y 43', legalRepName: '张三\t' };
  expect(tidyCompany(typed)).toEqual(company);
});

test.each([
  [{}, {}],
  [{ orgCode: '110105012345678' }, {}],
  [{ orgCode: '' }, { orgCode: 'required' }],
  [{ orgCode: '91350100M000100Y4' }, { orgCode: 'length' }],
  [{ orgCode: '九一350100M000100Y4' }, { orgCode: 'format' }],
  [
    { orgName: '', legalRepName: '' },
    { orgName: 'required', legalRepName: 'required' },
  ],
])('%o has the problems %o', (change, problems) => {
  expect(checkCompany({ ...company, ...change })).toEqual(problems);
});
