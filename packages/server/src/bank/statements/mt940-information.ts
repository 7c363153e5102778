import type { StatementInformation } from '../statement-settings.ts';
import { parseMoment, type Moment } from './moment.ts';

/** What field 86 says of the other side. Empty texts where it does not. */
export interface Information {
  payerName: string;
  payerAccountNo: string;
  payerBankName: string;
  /** As many as are told, the first before the others. */
  receivingAccountNos: readonly string[];
  remittance: string;
  tradedAt: Moment | undefined;
}

type Part = Exclude<keyof Information, 'receivingAccountNos'> | 'receivingAccountNo';

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

/** How a field of each shape begins, and its parts. A field that begins otherwise is text. */
const SHAPES: Readonly<
  Record<
    Exclude<StatementInformation, 'untrusted'>,
    { begins: RegExp; read: (lines: readonly string[]) => [Part, string][] }
  >
> = {
  subfields: { begins: /^(?:\d{3})?\?\d{2}/, read: (lines) => subfields(lines.join('')) },
  codewords: {
    begins: /^\/[A-Z]{2,8}\//,
    read: (lines) => withoutPayersWord(labelled(lines.join(''), CODE_WORD, CODE_WORDS)),
  },
  labels: {
    begins: new RegExp(`^\\s*(?:\\d{3}\\s*)?(?:${Object.keys(LABELS).join('|')})[:：]`),
    read: (lines) => withoutPayersWord(labelled(lines.join(' '), LABEL, LABELS)),
  },
};

/**
 * Reads field 86 in the shape that the bank writes, as the operator says. The payer types a part of the field, and so may
 * type any shape: what is not in the bank's own is text, and a payer who is named twice is not named. A receiving number
 * counts wherever it stands: it says to whom the payer means to pay, which is the payer's to say.
 */
export function informationOf(lines: readonly string[], shape: StatementInformation): Information {
  // A line ends where SWIFT's 65 characters do, also in the middle of a name.
  const text = lines.join('');
  if (shape !== 'untrusted' && SHAPES[shape].begins.test(text)) return collected(SHAPES[shape].read(lines));
  const told = [...labelled(lines.join(' '), LABEL, LABELS), ...labelled(text, CODE_WORD, CODE_WORDS)];
  return collected([...told.filter(([part]) => part === 'receivingAccountNo'), ['remittance', text]]);
}

/** Labels and code words after the first text are in that text, where the payer typed them. */
function withoutPayersWord(pairs: readonly [Part, string][]): [Part, string][] {
  const text = pairs.findIndex(([part]) => part === 'remittance');
  if (text < 0) return [...pairs];
  const isNamedInText = pairs.slice(text).some(([part]) => part === 'payerName');
  return pairs.filter(([part], index) => {
    if (part === 'payerName') return index < text && !isNamedInText;
    return index < text || part === 'remittance' || part === 'receivingAccountNo';
  });
}

/**
 * The bank writes each subfield once and in their order. Where one stands again or too late, some of them are the payer's
 * text, and nothing that they say of the payer counts.
 */
function subfields(text: string): [Part, string][] {
  const told = text
    .split('?')
    .slice(1)
    .map((part): [number: string, value: string] => [part.slice(0, 2), part.slice(2)]);
  const isInOrder = told.every(([number], index) => index === 0 || (told[index - 1]?.[0] ?? '') < number);
  if (!isInOrder) return [['remittance', text]];
  // A name goes over two subfields.
  const name = told.flatMap(([number, value]) => (SUBFIELDS[number] === 'payerName' ? [value] : [])).join('');
  const others = told.flatMap(([number, value]): [Part, string][] => {
    const part = SUBFIELDS[number];
    return part === undefined || part === 'payerName' ? [] : [[part, value]];
  });
  return [...others, ['payerName', name]];
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
  const all = (part: Part): string[] => pairs.filter(([name]) => name === part).map(([, value]) => value.trim());
  /** Empty where it is told more than once: which of them the bank wrote cannot be known. */
  const only = (part: Part): string => {
    const [value = '', ...others] = all(part);
    return others.length === 0 ? value : '';
  };
  return {
    payerName: only('payerName'),
    payerAccountNo: only('payerAccountNo'),
    payerBankName: only('payerBankName'),
    receivingAccountNos: all('receivingAccountNo'),
    remittance: all('remittance').join(''),
    tradedAt: parseMoment(only('tradedAt')),
  };
}
