import { expect, test } from 'vitest';
import { createLog } from './log.ts';

test('secrets and personal data never stand in a line', () => {
  const lines: string[] = [];
  const log = createLog({ level: 'info', write: (line) => lines.push(line) });
  log.info(
    { app: { appSecret: 'hunter2', name: 'kept' }, authorization: 'hunter2', deep: { er: { idNumber: 'hunter2' } } },
    'said',
  );
  log.error({ err: new Error('failed'), mobile: 'hunter2' }, 'failed');
  expect(lines.join('')).not.toContain('hunter2');
  expect(lines.join('')).toContain('kept');
  expect(lines.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(['info', 'error']);
});
