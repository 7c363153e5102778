import { describe, expect, it } from 'vitest';
import { socialCreditCheckCharacter } from '../parties/index.ts';
import { foldName, formFault, registerFault, type Factors } from './factors.ts';
import { isRegistrationNumber } from './registration-number.ts';

const FIRST17 = '91110105MA01ABCD2';
const factors = (changed: Partial<Factors> = {}): Factors => ({
  orgName: '北京易楼房地产经纪有限公司',
  orgCode: `${FIRST17}${socialCreditCheckCharacter(FIRST17)}`,
  legalRepName: '王小明',
  legalRep: null,
  ...changed,
});
const registered = { orgName: factors().orgName, legalRepName: '王小明', legalRepIdMatches: null, isClosed: false };

describe('the form of factors', () => {
  it('holds for a company as it is written on its licence', () => {
    expect(formFault(factors())).toBeUndefined();
    expect(formFault(factors({ orgName: '易楼（北京）房地产经纪有限公司' }))).toBeUndefined();
    expect(formFault(factors({ orgName: 'John Smith Trading Ltd', legalRepName: 'John Smith' }))).toBeUndefined();
    expect(formFault(factors({ legalRepName: null }))).toBeUndefined();
  });

  it.each([
    [{ orgName: '' }, 'orgName', 'required'],
    [{ orgName: ' 北京公司' }, 'orgName', 'spaces'],
    [{ orgName: '北京\u3000公司' }, 'orgName', 'spaces'],
    [{ orgName: 'John  Smith' }, 'orgName', 'spaces'],
    [{ orgName: '北' }, 'orgName', 'format'],
    [{ orgName: '北京\n公司' }, 'orgName', 'format'],
    [{ orgCode: factors().orgCode.toLowerCase() }, 'orgCode', 'format'],
    [{ orgCode: `${FIRST17}0` }, 'orgCode', 'check_digit'],
    [{ orgCode: '110108000012340' }, 'orgCode', 'check_digit'],
    [{ legalRep: { idNo: '1', certType: 'INDIVIDUAL_PASSPORT' } }, 'legalRepIdNo', 'format'],
  ] as const)('%j: %s %s', (changed, field, reason) => {
    expect(formFault(factors(changed))).toEqual({ field, reason });
  });
});

describe('registration numbers', () => {
  it('have one right last digit', () => {
    const right = Array.from({ length: 10 }, (_, digit) => `11010800001234${digit}`).filter(isRegistrationNumber);
    expect(right).toEqual(['110108000012349']);
  });
});

describe('what the register says', () => {
  it('does not care how brackets and spaces are written, and about everything else', () => {
    expect(foldName('易楼（北京） 公司')).toBe(foldName('易楼(北京)公司'));
    expect(foldName('易楼【北京】公司')).toBe(foldName('易楼(北京)公司'));
    expect(foldName('易楼北京公司')).not.toBe(foldName('易楼(北京)公司'));
    expect(registerFault(factors(), registered)).toBeUndefined();
    expect(registerFault(factors({ legalRepName: null }), registered)).toBeUndefined();
  });

  it.each([
    [factors(), { ...registered, isClosed: true }, 'orgCode'],
    [factors({ orgName: '北京易楼房地产经纪有限责任公司' }), registered, 'orgName'],
    [factors({ legalRepName: '王晓明' }), registered, 'legalRepName'],
    [
      factors({ legalRep: { idNo: '11010519491231002X', certType: 'INDIVIDUAL_CH_IDCARD' } }),
      { ...registered, legalRepIdMatches: false },
      'legalRepIdNo',
    ],
  ])('a contradiction is a mismatch', (told, known, field) => {
    expect(registerFault(told, known)).toEqual({ field, reason: 'mismatch' });
  });
});
