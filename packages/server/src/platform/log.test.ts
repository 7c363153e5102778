import { anything, assert, constantFrom, integer, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLog } from './log.ts';

function recorded(): { log: ReturnType<typeof createLog>; lines: string[] } {
  const lines: string[] = [];
  return { lines, log: createLog({ level: 'info', write: (line) => lines.push(line) }) };
}

test('secrets and personal data never stand in a line', () => {
  const { log, lines } = recorded();
  log.info(
    { app: { appSecret: 'hunter2', name: 'kept' }, authorization: 'hunter2', deep: { er: { idNumber: 'hunter2' } } },
    'said',
  );
  log.error({ err: new Error('failed'), mobile: 'hunter2' }, 'failed');
  expect(lines.join('')).not.toContain('hunter2');
  expect(lines.join('')).toContain('kept');
  expect(lines.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(['info', 'error']);
});

const names = constantFrom(
  'password',
  'secret',
  'appSecret',
  'app_secret',
  'webhookSecret',
  'webhook_secret',
  'privateKey',
  'private_key',
  'token',
  'authorization',
  'idNumber',
  'mobile',
  'connectionString',
  'databaseUrl',
);

/** Ways in which something can hold something else. */
const HOLDERS: readonly ((inner: object) => object)[] = [
  (inner) => ({ inner, beside: 1 }),
  (inner) => [inner, 'beside'],
  (inner) => Object.assign(Object.create(null) as object, { inner }),
  (inner) =>
    new (class Held {
      readonly inner = inner;
    })(),
  (inner) => Object.assign(new Error('beside'), { inner }),
];

describe('a secret', () => {
  test('does not show down to the third level, whatever holds it, and what stands beside it is kept', () => {
    assert(
      property(names, integer({ min: 1, max: 3 }), integer({ min: 0, max: 24 }), (name, depth, ways) => {
        const { log, lines } = recorded();
        let value: object = { [name]: 'hunter2', kept: 'kept' };
        for (let level = 1, way = ways; level < depth; level += 1, way = Math.floor(way / HOLDERS.length)) {
          const hold = HOLDERS[way % HOLDERS.length]!;
          // A line is an object.
          value = level === depth - 1 ? { top: hold(value) }.top : hold(value);
        }
        log.info(Array.isArray(value) ? { value } : value, 'said');
        if (!Array.isArray(value)) {
          expect(lines.join('')).not.toContain('hunter2');
          expect(lines.join('')).toContain('kept');
        }
      }),
    );
  });

  test('does not show in an error, in its cause, in errors it gathers or holds', () => {
    const secret = () => Object.assign(new Error('broken'), { password: 'hunter2', config: { token: 'hunter2' } });
    const errors: Error[] = [
      secret(),
      new Error('outer', { cause: secret() }),
      new AggregateError([secret()], 'several'),
      Object.assign(new Error('outer'), { inner: secret() }),
      Object.assign(new Error('outer'), { config: { headers: { authorization: 'hunter2' } } }),
    ];
    for (const error of errors) {
      const { log, lines } = recorded();
      log.error({ err: error }, 'failed');
      log.error({ error: secret() }, 'failed');
      log.error(error);
      expect(lines.join('\n')).not.toContain('hunter2');
      expect(JSON.parse(lines[0]!)).toMatchObject({ err: { message: expect.stringContaining(error.message) } });
      expect((JSON.parse(lines[0]!) as { err: { stack: string } }).err.stack).toContain('log.test.ts');
    }
  });
});

test('what holds no secret stands in the line as JSON has it', () => {
  assert(
    property(anything({ maxDepth: 2, withDate: true, withNullPrototype: true }), (value) => {
      const { log, lines } = recorded();
      log.info({ value }, 'said');
      const shown = (JSON.parse(lines[0]!) as { value?: unknown }).value;
      expect(shown).toEqual(value === undefined ? undefined : JSON.parse(JSON.stringify({ value })).value);
    }),
  );
  const { log, lines } = recorded();
  const list = [{ token: 'hunter2' }, { n: 1 }];
  log.info({ list, at: new Date(0), bytes: Buffer.from('x') }, 'said');
  expect(JSON.parse(lines[0]!)).toMatchObject({
    list: [{ token: '[hidden]' }, { n: 1 }],
    at: '1970-01-01T00:00:00.000Z',
    bytes: { type: 'Buffer' },
  });
  expect(list[0]).toEqual({ token: 'hunter2' });
});
