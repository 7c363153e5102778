import { XMLParser } from 'fast-xml-parser';
import { parse as parseCsv } from 'csv-parse/sync';
import * as fc from 'fast-check';
import iconv from 'iconv-lite';
import { Parser as Mt940Library } from 'mt940js';
import { expect, test } from 'vitest';
import { camt054, CAMT054_HEAD, CAMT054_TAIL, camtEntry } from '../../../test/support/bank-fixture.ts';
import { cut, readBytes, readText, sample, short } from '../../../test/support/statements.ts';
import type { StatementFormat } from '../statement-settings.ts';
import { splitRecord } from './csv-record.ts';
import { detectEncoding } from './decode.ts';
import { parseMoment } from './moment.ts';
import { attributeOf, decodeReferences, XmlTokenizer } from './xml.ts';

const SAMPLES: [string, StatementFormat][] = [
  ['camt054.xml', 'camt054'],
  ['camt053-gb18030.xml', 'camt053'],
  ['camt052.xml', 'camt052'],
  ['camt054-broken.xml', 'camt054'],
  ['mt940-gb18030.sta', 'mt940'],
  ['mt940-utf8.sta', 'mt940'],
  ['mt940-broken.sta', 'mt940'],
  ['statement-gb18030.csv', 'csv'],
  ['statement-broken.csv', 'csv'],
];

test.each(SAMPLES)('%s says the same wherever it is cut', async (name, format) => {
  const content = await sample(name);
  const text = new TextDecoder(detectEncoding(content, true)).decode(content);
  const whole = readText({ format }, [text]);
  for (const length of [1, 2, 3, 7, 64, 1_000]) expect(readText({ format }, cut(text, length))).toEqual(whole);
});

test.each(SAMPLES)(
  '%s with any character changed never makes a reader fail otherwise than it may',
  async (name, format) => {
    const content = await sample(name);
    const text = new TextDecoder(detectEncoding(content, true)).decode(content);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(text.length - 1), fc.string({ unit: 'binary', maxLength: 3 })), { maxLength: 4 }),
        (changes) => {
          let changed = text;
          for (const [at, by] of changes) changed = changed.slice(0, at) + by + changed.slice(at + 1);
          const { items } = readText({ format }, cut(changed, 500));
          for (const item of items) {
            if (item.kind !== 'entry') continue;
            expect(Number.isSafeInteger(item.entry.amountFen)).toBe(true);
            expect(item.entry.bizFlowNo).not.toBe('');
          }
        },
      ),
      { numRuns: 60 },
    );
  },
);

const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .map((text) => text.replaceAll(/[\p{Cc}\p{Cs}\p{Cn}\ufffd\ufffe\uffff\s]/gu, '').trim())
  .filter((text) => text !== '');
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

test('camt: what was written is read, names and amounts of any kind', () => {
  const line = fc.record({ payer: name, fen: fc.nat(1e12), reference: fc.stringMatching(/^[A-Z0-9]{1,30}$/) });
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), fc.integer({ min: 1, max: 400 }), (lines, length) => {
      const text = camt054(
        lines.map(({ payer, fen, reference }) => ({
          to: '30206857000001',
          reference,
          payer: escaped(payer),
          amount: `${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, '0')}`,
        })),
      );
      const { items, error } = readText({}, cut(text, length));
      expect(error).toBeNull();
      expect(items.map(short)).toEqual(
        lines.map(({ payer, fen, reference }) => [reference, 'C', fen, payer, '30206857000001']),
      );
    }),
  );
});

test('MT940: what was written is read', () => {
  const line = fc.record({
    payer: fc.stringMatching(/^[\u4e00-\u9fa5]{2,20}$/),
    fen: fc.nat(1e12),
    reference: fc.stringMatching(/^[A-Z0-9]{1,16}$/),
    mark: fc.constantFrom('C', 'D', 'RC', 'RD'),
  });
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), fc.integer({ min: 1, max: 100 }), (lines, length) => {
      const fields = lines.flatMap(({ payer, fen, reference, mark }) => [
        `:61:260323${mark}${Math.floor(fen / 100)},${String(fen % 100).padStart(2, '0')}NTRFNONREF//${reference}`,
        `:86:对方户名:${payer} 对方行名:中国建设银行股份有限公司杭州高新支行 收款账号:30206857000001 摘要:企业认证 2026-03-23`,
      ]);
      const text = [
        ':20:X',
        ':25:123456',
        ':28C:1/1',
        ':60F:C260322CNY0,00',
        ...fields,
        ':62F:C260323CNY0,00',
        '-',
      ].join('\n');
      const { items } = readText({ format: 'mt940', information: 'labels' }, cut(text, length));
      expect(items.map(short)).toEqual(
        lines.map(({ payer, fen, reference, mark }) => [
          reference,
          { C: 'C', D: 'D', RC: 'RD', RD: 'RC' }[mark],
          fen,
          payer,
          '30206857000001',
        ]),
      );
    }),
  );
});

test('MT940: an implementation of other people’s reads the same', () => {
  const line = fc.record({
    fen: fc.integer({ min: 1, max: 99_999 }),
    reference: fc.stringMatching(/^[A-Z0-9]{1,16}$/),
  });
  const yuan = (fen: number): string => `${Math.floor(fen / 100)},${String(fen % 100).padStart(2, '0')}`;
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 6 }), (lines) => {
      const fields = lines.flatMap(({ fen, reference }) => [
        `:61:260323C${yuan(fen)}NTRFNONREF//${reference}`,
        ':86:X',
      ]);
      const sum = yuan(lines.reduce((total, { fen }) => total + fen, 0));
      const head = [':20:X', ':25:123456', ':28C:1/1', ':60F:C260322CNY0,00'];
      const text = [...head, ...fields, `:62F:C260323CNY${sum}`, '-'].join('\n');
      const [statement] = new Mt940Library().parse(text);
      const { items } = readText({ format: 'mt940' }, [text]);
      expect(items.map((item) => item.kind === 'entry' && [item.entry.bizFlowNo, item.entry.amountFen])).toEqual(
        // It makes floats of the amounts: near enough to compare, not to count.
        statement!.transactions.map(({ bankReference, amount }) => [bankReference, Math.round(amount * 100)]),
      );
    }),
  );
});

test('CSV: records are those that csv-parse reads', () => {
  const field = fc.string({ unit: fc.constantFrom('a', '中', ',', '"', '\n', ' ', '=', "'"), maxLength: 8 });
  fc.assert(
    fc.property(fc.array(field, { minLength: 1, maxLength: 6 }), (fields) => {
      const text = fields.map((value) => `"${value.replaceAll('"', '""')}"`).join(',');
      expect(splitRecord(text, ',')).toEqual(parseCsv(text)[0]);
    }),
    { numRuns: 300 },
  );
});

test('XML: text and attributes are those that fast-xml-parser reads', () => {
  const library = new XMLParser({ ignoreAttributes: false, parseTagValue: false, trimValues: false });
  const content = name.map(escaped);
  fc.assert(
    fc.property(content, content, fc.integer({ min: 1, max: 9 }), (text, value, length) => {
      const source = `<?xml version="1.0"?><!-- < > --><r><n:a x='1' Ccy="${value.replaceAll('"', '&quot;')}">${text}</n:a></r>`;
      const read: string[] = [];
      let attribute: string | undefined;
      const tokenizer = new XmlTokenizer({
        open: (tag, attributes) => {
          read.push(`<${tag}>`);
          attribute ??= attributeOf(attributes, 'Ccy');
        },
        text: (part) => read.push(part),
        close: (tag) => read.push(`</${tag}>`),
        malformed: () => read.push('!'),
      });
      for (const piece of cut(source, length)) tokenizer.push(piece);
      tokenizer.end();
      const parsed = library.parse(source) as { r: { 'n:a': { '#text': string; '@_Ccy': string } } };
      expect(read.join('')).toBe(`<r><a>${parsed.r['n:a']['#text']}</a></r>`);
      expect(decodeReferences(attribute!)).toBe(parsed.r['n:a']['@_Ccy']);
    }),
    { numRuns: 200 },
  );
});

test('no document type: neither entities that multiply nor files of the machine', () => {
  const entity = '<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>';
  const entry = camtEntry({ to: '1', reference: 'R', payer: '&b;' });
  const { items, error } = readText({}, [entity + CAMT054_HEAD + entry + CAMT054_TAIL]);
  expect([items, error]).toEqual([[], 'xml_document_type_refused']);
  // Entities without a declaration are no XML either.
  expect(readText({}, [CAMT054_HEAD + entry + CAMT054_TAIL]).items).toEqual([
    { kind: 'fault', line: 1, reason: 'xml_malformed' },
  ]);
});

test('names in CDATA, by reference, with prefixes, and with markup in them', () => {
  const payers = [
    '<![CDATA[杭州<青松>]]>',
    '&#26477;&#x5DDE;',
    '甲&#0;',
    '甲&nbsp;乙',
    '甲<!-- x -->乙',
    '甲<b>乙</b>',
  ];
  const text = camt054(payers.map((payer, index) => ({ to: '1234', reference: `R${index}`, payer })));
  expect(readText({}, [text]).items.map(short)).toEqual([
    ['R0', 'C', 1, '杭州<青松>', '1234'],
    ['R1', 'C', 1, '杭州', '1234'],
    [3, 'xml_malformed'],
    [4, 'xml_malformed'],
    ['R4', 'C', 1, '甲乙', '1234'],
    // Mixed content is not of the schema; nothing of it passes for a name.
    expect.not.arrayContaining(['甲乙']),
  ]);
  const prefixed = text.replaceAll(/<(\/?)(?=[A-Z])/g, '<$1n:').replaceAll('<n:![', '<![');
  expect(readText({}, [prefixed]).items.slice(0, 2)).toMatchObject([{ kind: 'entry' }, { kind: 'entry' }]);
});

test('an entry without end, one too long and one too deep are faults; those after them are read', () => {
  const good = camtEntry({ to: '1', reference: 'GOOD' });
  const open = good.replace('</Ntry>', '').replace('GOOD', 'OPEN');
  const long = camtEntry({ to: '1', reference: 'LONG', remittance: '长'.repeat(300_000) });
  const { items, error } = readText({}, cut(CAMT054_HEAD + open + good + long + good + CAMT054_TAIL, 4_096));
  expect(error).toBeNull();
  expect(items.map(short)).toEqual([
    [1, 'entry_not_closed'],
    expect.arrayContaining(['GOOD']),
    [3, 'entry_too_long'],
    expect.arrayContaining(['GOOD']),
  ]);
  expect(readText({}, ['<a>'.repeat(100)]).error).toBe('xml_too_deep');
  expect(readText({}, cut(`<a ${'x'.repeat(200_000)}`, 10_000)).error).toBe('xml_markup_too_long');
});

test('a number that counts the entries of a statement is a reference of its day alone', () => {
  const counted = (no: string, at: string): string =>
    camtEntry({ to: '1', reference: 'X', at }).replace('<AcctSvcrRef>X</AcctSvcrRef>', `<NtryRef>${no}</NtryRef>`);
  const body = counted('7', '2026-03-22') + counted('7', '2026-03-23') + counted('202603237', '2026-03-23');
  expect(readText({}, [CAMT054_HEAD + body + CAMT054_TAIL]).items.map((item) => (short(item) as string[])[0])).toEqual([
    '2026-03-22/7',
    '2026-03-23/7',
    '202603237',
  ]);
});

test('text in GB18030 and UTF-8, told and not told, and bytes that are neither', async () => {
  const payer = '镕𬭚石（㐂）有限公司';
  const text = camt054([{ to: '1', reference: 'R', payer }]);
  for (const encoding of ['utf-8', 'gb18030'] as const) {
    const declared = iconv.encode(text.replace('UTF-8', encoding), encoding);
    const undeclared = iconv.encode(text.replace(/<\?xml[^>]*\?>/, ''), encoding);
    for (const [content, told] of [
      [declared, 'auto'],
      [undeclared, 'auto'],
      [undeclared, encoding],
    ] as const) {
      const { items } = await readBytes({ encoding: told }, content);
      expect(items.map(short)).toEqual([['R', 'C', 1, payer, '1']]);
    }
  }
  const broken = Buffer.from(text);
  broken[broken.indexOf('镕')] = 0xff;
  const { items } = await readBytes({ encoding: 'utf-8' }, broken);
  expect(items.map(short)).toEqual([[1, 'text_not_decodable']]);
  expect((await readBytes({}, Buffer.from(`\ufeff${text}`, 'utf16le'))).items).toHaveLength(1);
});

test.each([
  ['2026-03-05', '2026-03-04T16:00:00Z', true],
  ['20260305', '2026-03-04T16:00:00Z', true],
  ['2026/3/5', '2026-03-04T16:00:00Z', true],
  ['2026年3月5日', '2026-03-04T16:00:00Z', true],
  ['20260305125445', '2026-03-05T04:54:45Z', false],
  ['2026-03-05T12:54:45.123', '2026-03-05T04:54:45Z', false],
  ['2026-03-05T12:54:45Z', '2026-03-05T12:54:45Z', false],
  ['2026-03-05T12:54:45-02:30', '2026-03-05T15:24:45Z', false],
  ['2026-03-05 12:54', '2026-03-05T04:54:00Z', false],
])('%s', (text, at, dateOnly) => {
  expect(parseMoment(text)).toEqual({ at: new Date(at), dateOnly });
});

test.each(['', '2026-02-30', '2026-13-01', '20260305 250000', '2026-03-05T12:60:00', 'today', '1', '2026-03-05x'])(
  '%s is no moment',
  (text) => {
    expect(parseMoment(text)).toBeUndefined();
  },
);
