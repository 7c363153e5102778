import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compactJsonText, JsonTextError, parseJsonArray, parseJsonObject, parseJsonObjectText } from './json-text.ts';

const LIMITS = { depthMax: 64, bytesMax: 1_048_576 };

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof JsonTextError) return error.code;
    throw error;
  }
  return 'accepted';
}

const bytes = (text: string) => Buffer.from(text, 'utf8');

/** JSON text with white space wherever the grammar allows it. */
const spacedJson = fc
  .tuple(fc.jsonValue({ maxDepth: 5 }), fc.array(fc.constantFrom('', ' ', '\n', '\t', '\r\n  '), { minLength: 1 }))
  .map(([value, spaces]) => {
    let turn = 0;
    const space = () => spaces[turn++ % spaces.length] ?? '';
    const write = (v: unknown): string => {
      if (Array.isArray(v)) return `[${space()}${v.map(write).join(`${space()},${space()}`)}${space()}]`;
      if (v !== null && typeof v === 'object') {
        const parts = Object.entries(v).map(([k, x]) => `${JSON.stringify(k)}${space()}:${space()}${write(x)}`);
        return `{${space()}${parts.join(`${space()},${space()}`)}${space()}}`;
      }
      return JSON.stringify(v);
    };
    return { value, text: write(value), compact: JSON.stringify(value) };
  });

describe('parseJsonObject', () => {
  test('keeps digits, order and keys that stand twice as they were written', () => {
    const text = ' {"b" : 9007199254740993, "a":1.10 ,"a": 1e2, "c":{ "x" : [1.0,  2] }, "\\u0064":"\\u4e2d" } ';
    const { members } = parseJsonObject(bytes(text), LIMITS);
    expect(members.map((m) => [m.key, m.kind, m.source])).toEqual([
      ['b', 'number', '9007199254740993'],
      ['a', 'number', '1.10'],
      ['a', 'number', '1e2'],
      ['c', 'object', '{ "x" : [1.0,  2] }'],
      ['d', 'string', '"\\u4e2d"'],
    ]);
    expect(members.at(-1)!.value).toBe('中');
  });

  test('refuses what is no JSON object, and says why', () => {
    expect(codeOf(() => parseJsonObject(Buffer.from([0x7b, 0xff, 0x7d]), LIMITS))).toBe('invalid_utf8');
    expect(codeOf(() => parseJsonObject(bytes('[1]'), LIMITS))).toBe('not_an_object');
    expect(codeOf(() => parseJsonObject(bytes(''), LIMITS))).toBe('invalid_json');
    expect(codeOf(() => parseJsonObject(bytes('{"a":01}'), LIMITS))).toBe('invalid_json');
    expect(codeOf(() => parseJsonObject(bytes('{"a":1,}'), LIMITS))).toBe('invalid_json');
    expect(codeOf(() => parseJsonObject(bytes('{"a":1} x'), LIMITS))).toBe('invalid_json');
    expect(codeOf(() => parseJsonObject(bytes('{"a":"\t"}'), LIMITS))).toBe('invalid_json');
    expect(codeOf(() => parseJsonObject(bytes('{"a":1}'), { ...LIMITS, bytesMax: 6 }))).toBe('too_large');
    const refuse = { ...LIMITS, duplicateKeys: 'refuse' } as const;
    expect(codeOf(() => parseJsonObject(bytes('{"a":1,"\\u0061":2}'), refuse))).toBe('duplicate_key');
    expect(codeOf(() => parseJsonObject(bytes('{"x":{"a":1,"a":2}}'), refuse))).toBe('accepted');
  });

  test('a megabyte of brackets is too deep and overflows nothing', () => {
    expect(codeOf(() => parseJsonObject(bytes(`{"a":${'['.repeat(1_000_000)}`), LIMITS))).toBe('too_deep');
    expect(codeOf(() => parseJsonObject(bytes('['.repeat(1_000_000)), LIMITS))).toBe('too_deep');
    const deep = { depthMax: 2_000_000, bytesMax: 4_000_000 };
    expect(codeOf(() => parseJsonObject(bytes('{"a":'.repeat(200_000)), deep))).toBe('invalid_json');
    const closed = `{"a":${'['.repeat(500_000)}${']'.repeat(500_000)}}`;
    expect(codeOf(() => parseJsonObject(bytes(closed), deep))).toBe('accepted');
  });

  test('the outermost object is depth 1', () => {
    expect(codeOf(() => parseJsonObject(bytes('{"a":[]}'), { ...LIMITS, depthMax: 2 }))).toBe('accepted');
    expect(codeOf(() => parseJsonObject(bytes('{"a":[]}'), { ...LIMITS, depthMax: 1 }))).toBe('too_deep');
  });

  test('a long string with many escapes is read in one pass', () => {
    const text = `{"a":"${'\\n'.repeat(400_000)}"}`;
    expect(parseJsonObject(bytes(text), LIMITS).members[0]!.source.length).toBe(800_002);
  });

  test('reads every object as JSON.parse does', () => {
    fc.assert(
      fc.property(spacedJson, ({ value, text }) => {
        const isObject = value !== null && typeof value === 'object' && !Array.isArray(value);
        if (!isObject) {
          expect(codeOf(() => parseJsonObjectText(text, LIMITS))).toBe('not_an_object');
          return;
        }
        const { members } = parseJsonObject(bytes(text), LIMITS);
        const parsed = JSON.parse(text) as object;
        expect(members.map((m) => [m.key, m.value])).toEqual(
          // JSON.parse moves keys that look like indexes to the front; compare as sets of pairs.
          members.map((m) => [m.key, (parsed as Record<string, unknown>)[m.key]]),
        );
        expect(members.length).toBe(Object.keys(parsed).length);
      }),
    );
  });

  test('accepts exactly the texts JSON.parse accepts', () => {
    const fragment = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"\\',
      '"',
      '1',
      '-',
      '0',
      '.5',
      'e',
      'E+1',
      'true',
      'nul',
      'null',
      ' ',
      '\n',
      '\u00a0',
      '\\u12',
      '\u0001',
      '\u2028',
      '中',
      '{"a":',
      '"b":1',
    );
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 12 }), (parts) => {
        const text = `{"k":${parts.join('')}}`;
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        expect(codeOf(() => parseJsonObject(bytes(text), LIMITS)) === 'accepted').toBe(valid);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('compactJsonText', () => {
  test('takes away white space between tokens alone', () => {
    expect(compactJsonText('{ "a b" : [ 1.10 ,\n 1e2 ], "q\\" " : " x\\\\" , "a b":9007199254740993 }')).toBe(
      '{"a b":[1.10,1e2],"q\\" ":" x\\\\","a b":9007199254740993}',
    );
  });

  test('of any spaced text is the text without spaces, and a second time changes nothing', () => {
    fc.assert(
      fc.property(spacedJson, ({ text, compact }) => {
        expect(compactJsonText(text)).toBe(compact);
        expect(compactJsonText(compact)).toBe(compact);
      }),
    );
  });
});

describe('parseJsonArray', () => {
  const ARRAY_LIMITS = { ...LIMITS, elementsMax: 3 };

  test('hands out each element as it was written', () => {
    expect(parseJsonArray(bytes(' [ 1.10 , {"a":1e2, "a" : [ ] },"x\\u0041" ] '), ARRAY_LIMITS)).toEqual([
      '1.10',
      '{"a":1e2, "a" : [ ] }',
      '"x\\u0041"',
    ]);
    expect(parseJsonArray(bytes(' [ ] '), ARRAY_LIMITS)).toEqual([]);
  });

  test('reads what JSON.parse reads, with white space anywhere', () => {
    fc.assert(
      fc.property(fc.array(spacedJson), (items) => {
        const text = `[${items.map((item) => item.text).join(',')}]`;
        const elements = parseJsonArray(bytes(text), { ...LIMITS, elementsMax: Infinity });
        expect(elements).toEqual(items.map((item) => item.text));
      }),
    );
  });

  test('refuses what is no array, and says why', () => {
    const code = (text: string) => codeOf(() => parseJsonArray(bytes(text), ARRAY_LIMITS));
    for (const text of ['', '{}', '[', '[1', '[1,', '[1,]', '[,1]', '[1]]', '[1] 2', '[01]']) {
      expect(code(text)).toBe('invalid_json');
    }
    expect(code('[1,2,3,4]')).toBe('too_many_members');
    expect(code('['.repeat(65))).toBe('too_deep');
    expect(codeOf(() => parseJsonArray(Buffer.from([0x5b, 0xff, 0x5d]), ARRAY_LIMITS))).toBe('invalid_utf8');
    expect(codeOf(() => parseJsonArray(bytes('[1]'), { ...ARRAY_LIMITS, bytesMax: 2 }))).toBe('too_large');
  });
});
