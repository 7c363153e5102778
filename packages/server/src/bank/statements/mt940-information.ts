import { parseMoment, type Moment } from './moment.ts';

/** What field 86 says of the other side. Empty texts where it does not. */
export interface Information {
  payerName: string;
  payerAccountNo: string;
  payerBankName: string;
  receivingAccountNo: string;
  remittance: string;
  tradedAt: Moment | undefined;
}

type Part = Exclude<keyof Information, 'tradedAt'> | 'tradedAt';

/** Subfields after `?` (the German banks' structure, used by many). 20 to 29 and 60 to 63 are one text. */
const SUBFIELDS: Readonly<Record<string, Part>> = {
  '30': 'payerBankName',
  '31': 'payerAccountNo',
  '32': 'payerName',
  '33': 'payerName',
  ...Object.fromEntries(['20', '21', '22', '23', '24', '25', '26', '27', '28', '29'].map((no) => [no, 'remittance'])),
  ...Object.fromEntries(['60', '61', '62', '63'].map((no) => [no, 'remittance'])),
};

/** Code words between slashes (SWIFT). */
const CODE_WORDS: Readonly<Record<string, Part>> = {
  ORDP: 'payerName',
  NAME: 'payerName',
  ACCT: 'payerAccountNo',
  BANK: 'payerBankName',
  ORDB: 'payerBankName',
  VACC: 'receivingAccountNo',
  BENA: 'receivingAccountNo',
  REMI: 'remittance',
  PURP: 'remittance',
  TIME: 'tradedAt',
};

/** Labels as the Chinese banks write them, before a colon. */
const LABELS: Readonly<Record<string, Part>> = {
  对方户名: 'payerName',
  对方名称: 'payerName',
  付款人: 'payerName',
  付款人名称: 'payerName',
  付款人户名: 'payerName',
  付款方户名: 'payerName',
  对方账号: 'payerAccountNo',
  对方帐号: 'payerAccountNo',
  付款人账号: 'payerAccountNo',
  付款账号: 'payerAccountNo',
  对方行名: 'payerBankName',
  对方开户行: 'payerBankName',
  付款人开户行: 'payerBankName',
  付款行名: 'payerBankName',
  收款账号: 'receivingAccountNo',
  收款人账号: 'receivingAccountNo',
  子账号: 'receivingAccountNo',
  子账户: 'receivingAccountNo',
  虚拟账号: 'receivingAccountNo',
  摘要: 'remittance',
  附言: 'remittance',
  用途: 'remittance',
  备注: 'remittance',
  交易时间: 'tradedAt',
};

const LABEL = new RegExp(`(?:^|[\\s;；,，|/])(${Object.keys(LABELS).join('|')})[:：]`, 'g');
const CODE_WORD = new RegExp(`/(${Object.keys(CODE_WORDS).join('|')})/`, 'g');

/**
 * Reads field 86 in the three shapes that are about: `?NN` subfields, `/CODE/` words, and Chinese labels with a colon.
 * What is in none of them is remittance text.
 */
export function informationOf(lines: readonly string[]): Information {
  // A line ends where SWIFT's 65 characters do, also in the middle of a name.
  const text = lines.join('');
  if (/^\d{3}\?\d{2}/.test(text) || /^\?\d{2}/.test(text)) return collected(subfields(text));
  if (text.search(LABEL) >= 0) return collected(labelled(lines.join(' '), LABEL, LABELS));
  if (text.search(CODE_WORD) >= 0) return collected(labelled(text, CODE_WORD, CODE_WORDS));
  return collected([['remittance', text]]);
}

function subfields(text: string): [Part, string][] {
  return text
    .split('?')
    .slice(1)
    .map((part): [Part | undefined, string] => [SUBFIELDS[part.slice(0, 2)], part.slice(2)])
    .filter((pair): pair is [Part, string] => pair[0] !== undefined);
}

function labelled(text: string, label: RegExp, parts: Readonly<Record<string, Part>>): [Part, string][] {
  const found = [...text.matchAll(label)];
  return found.flatMap((match, index): [Part, string][] => {
    const part = parts[match[1] ?? ''];
    const from = match.index + match[0].length;
    const value = text.slice(from, found[index + 1]?.index ?? text.length);
    return part === undefined ? [] : [[part, value.replaceAll(/^[\s/;；,，|]+|[\s/;；,，|]+$/g, '')]];
  });
}

function collected(pairs: readonly [Part, string][]): Information {
  const of = (part: Part): string =>
    pairs
      .filter(([name]) => name === part)
      .map(([, value]) => value)
      .join('')
      .trim();
  return {
    payerName: of('payerName'),
    payerAccountNo: of('payerAccountNo'),
    payerBankName: of('payerBankName'),
    receivingAccountNo: of('receivingAccountNo'),
    remittance: of('remittance'),
    tradedAt: parseMoment(of('tradedAt')),
  };
}
