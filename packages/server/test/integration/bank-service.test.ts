import { createHmac, randomBytes } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bar } from '../../src/cli/bank-import-command.ts';
import { camt054 } from '../support/bank-fixture.ts';
import {
  startServiceProcess,
  temporaryDirectory,
  yinxin,
  type Ran,
  type ServiceProcess,
} from '../support/service-process.ts';

let service: ServiceProcess;
let directory: { path: string; remove: () => Promise<void> };
let dataDir: string;
const EXAMPLES = new URL('../../../../examples/bank/', import.meta.url).pathname;

beforeAll(async () => {
  directory = await temporaryDirectory('yinxin-bank-');
  dataDir = join(directory.path, 'data');
  service = await startServiceProcess(dataDir);
});
afterAll(async () => {
  await service.end('SIGTERM');
  await directory.remove();
});

const run = async (...argv: string[]): Promise<Ran> => yinxin(dataDir, 'bank', ...argv);
const MAIN = ['--name', '印信示范科技有限公司', '--bank', '示范银行杭州分行', '--account', '8801007880100000'];

async function setChannel(name: string, ...more: string[]): Promise<Record<string, unknown>> {
  const ran = await run('channel', 'set', name, ...MAIN, '--prefix', '88010078', '--width', '6', '--json', ...more);
  expect(ran.err).toBe('');
  return ran.json();
}

test('channels by the command line', async () => {
  expect(await setChannel('demo', '--format', 'csv', '--map', 'payer=对方户名')).toMatchObject({
    channel: 'demo',
    numbers: '88010078######',
    cool_down_days: 90,
    enabled: true,
    sandbox: false,
    format: 'csv',
    columns: ['payer=对方户名'],
  });
  expect((await run('channel', 'set', 'demo', '--disable', '--cool-down', '7', '--json')).json()).toMatchObject({
    enabled: false,
    cool_down_days: 7,
    format: 'csv',
  });
  const numbers = join(directory.path, 'numbers.txt');
  await writeFile(
    numbers,
    Array.from({ length: 6_000 }, (_, index) => `7${String(index).padStart(9, '0')}`).join('\n'),
  );
  await run('channel', 'set', 'pool', ...MAIN, '--numbers', numbers);
  expect((await run('channel', 'show', 'pool', '--json')).json()).toMatchObject({
    numbers: 'pool',
    sub_accounts: { unused: 6_000, in_use: 0, cooling_down: 0, reusable: 0 },
  });
  expect((await run('channel', 'list')).out).toContain('demo');
  const missing = await run('channel', 'set', 'new', '--name', 'x');
  expect([missing.code, missing.err]).toEqual([1, 'yinxin: mainAccountBank must be given for a new channel']);
  expect((await run('channel', 'set', 'x', '--map', 'payer=y')).err).toContain(
    '--map, --encoding and --information need --format',
  );
  expect((await run('channel', 'show', 'none')).err).toBe('yinxin: no bank channel none');
});

test('every sample is imported, and again without harm', async () => {
  await setChannel('samples');
  const formats: [string, string, number, number][] = [
    ['camt054.xml', 'camt054', 4, 4],
    ['camt053-gb18030.xml', 'camt053', 2, 1],
    ['camt052.xml', 'camt052', 3, 3],
    ['mt940-gb18030.sta', 'mt940', 4, 1],
    ['mt940-utf8.sta', 'mt940', 2, 1],
    ['statement-gb18030.csv', 'csv', 5, 1],
  ];
  for (const [name, format, lines, fresh] of formats) {
    const argv = ['import', join(EXAMPLES, name), '--channel', 'samples', '--format', format, '--json'];
    expect([name, (await run(...argv)).json()]).toMatchObject([name, { lines, new: fresh, complete: true }]);
    expect([name, (await run(...argv)).json()]).toMatchObject([name, { lines, new: 0 }]);
  }
  expect(await readdir(join(dataDir, 'spool'))).toEqual([]);
});

test('broken samples: what can be read is, and each fault is told', async () => {
  await setChannel('broken');
  const camt = await run('import', join(EXAMPLES, 'camt054-broken.xml'), '--channel', 'broken', '--format', 'camt054');
  expect(camt.code).toBe(1);
  expect(camt.out).toContain('line 3: amount_not_understood');
  expect(camt.err).toBe('yinxin: the file breaks off; what stands before is imported');
  const csv = await run('import', join(EXAMPLES, 'statement-broken.csv'), '--channel', 'broken', '--format', 'csv');
  expect(csv.code).toBe(0);
  expect(csv.out).toContain('line 4: amount_not_whole_fen');
  const wrong = await run('import', join(EXAMPLES, 'camt054.xml'), '--channel', 'broken', '--format', 'camt053');
  expect(wrong.err).toBe('yinxin: the file cannot be read: file_is_camt054');
  const none = await run('import', join(EXAMPLES, 'camt054.xml'), '--channel', 'none', '--format', 'camt053');
  expect(none.err).toBe('yinxin: no bank channel none');
  const columns = await run(
    'import',
    join(EXAMPLES, 'camt054.xml'),
    '--channel',
    'broken',
    '--format',
    'csv',
    '--map',
    'x',
  );
  expect(columns.err).toContain('map must be COLUMN=HEADING');
});

test('a statement of thousands of lines goes through the upload; the bar fills', async () => {
  await setChannel('long');
  const file = join(directory.path, 'long.xml');
  await writeFile(
    file,
    camt054(Array.from({ length: 5_000 }, (_, n) => ({ to: '88010078000001', reference: `L${n}` }))),
  );
  expect((await stat(file)).size).toBeGreaterThan(2 * 1024 * 1024);
  const ran = await run('import', file, '--channel', 'long', '--format', 'camt054', '--json');
  expect(ran.json()).toMatchObject({ lines: 5_000, new: 5_000 });
  expect(bar({ bytes: 50, lines: 7 }, 100)).toBe('[===============               ]  50 %  7 lines');
  expect(bar({ bytes: 1, lines: 0 }, 0)).toContain('100 %');
});

test('bank pay exists on a sandbox channel alone', async () => {
  const nowhere = await run('pay', '88010078000001', '--payer', '甲公司');
  expect([nowhere.code, nowhere.err]).toEqual([1, 'yinxin: no sandbox channel is on: payments come from the bank']);
  const real = await run('pay', '88010078000001', '--payer', '甲公司', '--channel', 'samples');
  expect(real.err).toBe('yinxin: channel samples is no sandbox: its payments come from the bank');
  await setChannel('sandbox', '--sandbox');
  const paid = await run('pay', '88010078000001', '--payer', '甲公司', '--json');
  expect(paid.json()).toMatchObject({ known: false, verdict: 'unclaimed' });
  expect((await run('pay', '88010078000001', '--payer', '甲公司', '--amount', '0.001')).err).toContain(
    'amount must be',
  );
  expect((await run('review', 'list')).out).toBe('no open reviews');
  expect((await run('order', 'list')).out).toBe('no orders that are created');
  expect((await run('order', 'confirm', 'x', '--paid')).err).toBe('yinxin: no payment order x');
  expect((await run('review', 'accept', 'x', '--reason', 'y')).err).toBe('yinxin: no review of transaction x');
});

test('payments that are nobody’s are listed, accounts and persons masked', async () => {
  await setChannel('listed', '--format', 'mt940', '--information', 'labels');
  const file = join(EXAMPLES, 'mt940-gb18030.sta');
  expect((await run('import', file, '--channel', 'listed', '--json')).json()).toMatchObject({ unclaimed: 4 });
  await run('import', join(EXAMPLES, 'camt054.xml'), '--channel', 'listed', '--format', 'camt054');
  const list = async (...argv: string[]): Promise<Record<string, unknown>[]> =>
    (await run('transaction', 'list', '--json', ...argv)).json()['transactions'] as Record<string, unknown>[];
  const listed = await list('--channel', 'listed');
  // Neither the fee, nor the reversal and what it takes back.
  expect(Object.fromEntries(listed.map((row) => [row['biz_flow_no'], row['payer_name']]))).toEqual({
    '218560323091301000018': '成都蜀锦商贸（集团）有限公司',
    '218560323091410000019': '王**',
  });
  expect(listed.find((row) => row['biz_flow_no'] === '218560323091301000018')).toMatchObject({
    verdict: 'unclaimed',
    why: null,
    payer_account_no: '****2345',
    amount: '0.01',
    sub_account_no: '88010078000002',
    flow_id: null,
  });
  const failed = await list('--channel', 'listed', '--verdict', 'failed');
  expect(failed.map((row) => [row['biz_flow_no'], row['why']])).toEqual([['218560323091245000017', 'reversed']]);
  expect(JSON.stringify(listed)).not.toMatch(/4402233009100012345|王小明|remittance/);
  expect(await list('--channel', 'listed', '--limit', '1')).toHaveLength(1);
  expect(await list('--verdict', 'paid')).toEqual([]);
  expect((await run('transaction', 'list')).out).toContain('218560323091301000018');
  expect((await run('transaction', 'list', '--channel', 'none')).err).toBe('yinxin: no bank channel none');
  expect((await run('transaction', 'list', '--limit', '0')).err).toBe('yinxin: limit must be at least 1');
});

test('the shape of field 86 is a setting of the channel and of an import', async () => {
  await setChannel('shapes', '--format', 'mt940');
  expect((await run('channel', 'show', 'shapes', '--json')).json()).toMatchObject({ information: 'untrusted' });
  await run('channel', 'set', 'shapes', '--format', 'mt940', '--information', 'subfields');
  expect((await run('channel', 'show', 'shapes', '--json')).json()).toMatchObject({ information: 'subfields' });
  const file = join(EXAMPLES, 'mt940-utf8.sta');
  await run('import', file, '--channel', 'shapes', '--information', 'codewords');
  const listed = (await run('transaction', 'list', '--channel', 'shapes', '--json')).json();
  expect((listed['transactions'] as { payer_name: string }[]).map((row) => row.payer_name).toSorted()).toEqual([
    '',
    '杭州青松软件有限公司',
  ]);
  expect((await run('import', file, '--channel', 'shapes', '--information', 'x')).code).toBe(2);
});

interface Sent {
  body?: string;
  secret?: string;
  timestamp?: number;
  nonce?: string;
  channel?: string;
  change?: (headers: Record<string, string>) => void;
}

async function notify(sent: Sent): Promise<{ status: number; answer: Record<string, unknown> }> {
  const { body = '{}', secret = '', timestamp = Date.now(), nonce = randomBytes(9).toString('base64url') } = sent;
  const signature = createHmac('sha256', secret).update(`${timestamp}\n${nonce}\n${body}`).digest('hex');
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'x-bank-channel': sent.channel ?? 'push',
    'x-bank-timestamp': String(timestamp),
    'x-bank-nonce': nonce,
    'x-bank-signature': signature,
  };
  sent.change?.(headers);
  const answer = await fetch(`${service.url}/api/bank/notify`, { method: 'POST', headers, body });
  return { status: answer.status, answer: (await answer.json()) as Record<string, unknown> };
}

const NOTICE = {
  sub_account_no: '88010078000009',
  biz_flow_no: 'P1',
  amount: '0.01',
  payer_name: '杭州青松软件有限公司',
  traded_at: '20260323091245',
};

test('a pushed notice: signed, stored once, refused where anything is changed', async () => {
  const { secret } = await setChannel('push', '--generate-secret');
  const signed = (notice: unknown, more: Partial<Sent> = {}): ReturnType<typeof notify> =>
    notify({ body: JSON.stringify(notice), secret: String(secret), ...more });
  const first = await signed(NOTICE);
  expect(first).toMatchObject({ status: 200, answer: { known: false } });
  expect(await signed(NOTICE)).toEqual({ status: 200, answer: { ...first.answer, known: true } });
  // A number keeps its digits: 0.010 is one fen however it is written.
  const asNumber = JSON.stringify(NOTICE).replace('"0.01"', '0.010');
  expect(await notify({ body: asNumber, secret: String(secret) })).toMatchObject({ answer: { known: true } });
  expect(await signed({ ...NOTICE, amount: '5.00' })).toMatchObject({
    status: 409,
    answer: { error: 'bank_transaction_conflict' },
  });

  const refused = { status: 401, answer: { error: 'bank_notice_unauthorized' } };
  const minute = 60_000;
  const attempts: Partial<Sent>[] = [
    { secret: 'another secret of the length that is wanted' },
    { timestamp: Date.now() - 6 * minute },
    { timestamp: Date.now() + 6 * minute },
    { channel: 'samples' },
    { channel: 'none' },
    { nonce: 'short' },
    { change: (headers) => (headers['x-bank-nonce'] = 'another-nonce') },
    { change: (headers) => (headers['x-bank-timestamp'] = String(Number(headers['x-bank-timestamp']) - 1)) },
    { change: (headers) => delete headers['x-bank-signature'] },
    { change: (headers) => (headers['x-bank-signature'] = `${headers['x-bank-signature']!.slice(0, -1)}x`) },
  ];
  for (const attempt of attempts)
    expect(await signed({ ...NOTICE, biz_flow_no: 'P2' }, attempt)).toMatchObject(refused);

  for (const [change, field] of [
    [{ amount: '1e-2' }, 'amount'],
    [{ amount: 0.011 }, 'amount'],
    [{ amount: undefined }, 'amount'],
    [{ biz_flow_no: '' }, 'biz_flow_no'],
    [{ sub_account_no: undefined }, 'sub_account_no'],
    [{ traded_at: '2026-02-30' }, 'traded_at'],
    [{ traded_at: new Date(Date.now() + 25 * 3_600_000).toISOString() }, 'traded_at'],
    [{ traded_at: '9999-12-31T23:59:59Z' }, 'traded_at'],
    [{ booked: 'yes' }, 'booked'],
    [{ credit_debit: 'CRDT' }, 'credit_debit'],
    [{ unknown: 1 }, 'body'],
  ] as const) {
    const answer = await signed({ ...NOTICE, biz_flow_no: 'P3', ...change });
    expect(answer).toMatchObject({ status: 400, answer: { error: 'bank_notice_invalid' } });
    expect(answer.answer['message']).toMatch(new RegExp(`^${field} must be`));
  }
  expect(await notify({ body: '{"a":1,"a":2}', secret: String(secret) })).toMatchObject({ status: 400 });
  expect(await notify({ body: 'x'.repeat(70_000), secret: String(secret) })).toMatchObject({ status: 413 });
});

test('a thousand notices that are wrongly signed, too old, too early, or another’s: none gets in', async () => {
  const secret = String((await setChannel('hostile', '--generate-secret'))['secret']);
  const other = String((await setChannel('neighbour', '--generate-secret'))['secret']);
  const hour = 3_600_000;
  const ways: ((n: number) => Sent)[] = [
    (n) => ({ secret, change: (headers) => (headers['x-bank-signature'] = flipped(headers['x-bank-signature']!, n)) }),
    () => ({ secret: other }),
    () => ({ secret: '' }),
    (n) => ({ secret, timestamp: Date.now() - hour - n }),
    (n) => ({ secret, timestamp: Date.now() + hour + n }),
    (n) => ({ secret, nonce: String(n).padStart(7, '0') }),
    () => ({ secret, channel: 'neighbour' }),
    () => ({ secret, change: (headers) => (headers['x-bank-signature'] = '') }),
    (n) => ({ secret, change: (headers) => (headers['x-bank-signature'] = randomBytes(n % 80).toString('base64')) }),
    () => ({ secret, change: (headers) => (headers['x-bank-timestamp'] += '0') }),
  ];
  const send = async (n: number): Promise<number> => {
    const body = JSON.stringify({ ...NOTICE, biz_flow_no: `HOSTILE${n}` });
    return (await notify({ channel: 'hostile', body, ...ways[n % ways.length]!(n) })).status;
  };
  const statuses: number[] = [];
  for (let at = 0; at < 1_000; at += 50) {
    statuses.push(...(await Promise.all(Array.from({ length: 50 }, async (_, n) => send(at + n)))));
  }
  expect(new Set(statuses)).toEqual(new Set([401]));
  for (const channel of ['hostile', 'neighbour']) {
    expect((await run('transaction', 'list', '--channel', channel, '--json')).json()).toEqual({ transactions: [] });
  }
  // The same, rightly signed, sent fifty times at once: one transaction.
  const body = JSON.stringify({ ...NOTICE, biz_flow_no: 'RIGHT' });
  const sent = { channel: 'hostile', secret, body, timestamp: Date.now(), nonce: 'the-same-nonce' };
  const answers = await Promise.all(Array.from({ length: 50 }, async () => notify(sent)));
  expect(new Set(answers.map(({ status, answer }) => `${status} ${String(answer['transaction_id'])}`)).size).toBe(1);
  expect(answers.filter(({ answer }) => answer['known'] === false)).toHaveLength(1);
});

/** Hex with one digit changed. */
function flipped(hex: string, at: number): string {
  const index = at % hex.length;
  return hex.slice(0, index) + (Number.parseInt(hex[index]!, 16) ^ 1).toString(16) + hex.slice(index + 1);
}

test('no bank route answers without the token or with another', async () => {
  const routes = [
    ['GET', 'channels'],
    ['GET', 'channels/samples'],
    ['PUT', 'channels/samples'],
    ['POST', 'channels/samples/statements'],
    ['GET', 'transactions'],
    ['POST', 'payments'],
    ['GET', 'reviews'],
    ['PUT', 'reviews/x/decision'],
    ['GET', 'orders'],
    ['POST', 'orders/x/reveals'],
    ['PUT', 'orders/x/confirmation'],
  ];
  const token = (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim();
  for (const [method, path] of routes) {
    for (const authorization of [undefined, 'Bearer wrong', `Bearer ${token}x`, `Bearer ${token.slice(1)}`, token]) {
      const headers = authorization === undefined ? {} : { authorization };
      const answer = await fetch(`${service.url}/admin/v1/bank/${path}`, { method: method!, headers });
      expect([path, answer.status]).toEqual([path, 401]);
    }
  }
});

test('the admin API takes no statement without the token, and the log tells no account', async () => {
  const answer = await fetch(`${service.url}/admin/v1/bank/channels/samples/statements?format=csv`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: 'x',
  });
  expect(answer.status).toBe(401);
  expect(service.log()).not.toContain('33050161001100000018');
  expect(await readFile(join(dataDir, 'admin-token'), 'utf8')).toMatch(/\S/);
});
