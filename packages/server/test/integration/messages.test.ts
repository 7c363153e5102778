import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { sql } from 'kysely';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createMessageAdapter, createMessages, type MessageAdapter, type Messages } from '../../src/messages/index.ts';
import type { MessageSettings } from '../../src/platform/config.ts';
import { messagesFinding } from '../../src/service/messages.ts';
import { createEgress } from '../../src/platform/egress/index.ts';
import { createLog } from '../../src/platform/log.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startHttpStub } from '../support/http-stub.ts';
import { createManualJobs, type ManualJobs } from '../support/manual-jobs.ts';
import { standingClock } from '../support/signing-service.ts';

const APP_ID = 'MESSAGETESTAPPID';
const SECRET = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
const clock = standingClock(new Date());
const vault = createVault(Buffer.alloc(32, 5));
const to = { mobile: '13800138000' };
const code = { kind: 'sign_code', params: { code: '246813', subject: '合同.pdf', minutes: '10' } } as const;

let database: TestDatabase;
const lines: string[] = [];
const log = createLog({ level: 'debug', write: (line) => void lines.push(line) });
const egress = createEgress({ allowCidrs: ['127.0.0.0/8'] });

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(() => void (lines.length = 0));
afterAll(async () => {
  await egress.close();
  await database?.drop();
});

function started(settings: MessageSettings | MessageAdapter): { messages: Messages; jobs: ManualJobs } {
  const jobs = createManualJobs();
  const adapter = 'send' in settings ? settings : createMessageAdapter(settings, { egress, clock, log });
  return { jobs, messages: createMessages({ db: database.db, clock, vault, jobs, log, adapter }) };
}

async function sent(messages: Messages): Promise<string> {
  const answer = await database.db.transaction().execute((tx) => messages.send(tx, { appId: APP_ID, to, ...code }));
  if (!answer.isReachable) throw new Error('not reachable');
  expect(answer.to).toBe('138****8000');
  return answer.messageId;
}

async function row(messageId: string) {
  const { rows } = await sql<{ state: string; content_sealed: Buffer | null; failure: string | null }>`
    select state, content_sealed, failure, adapter_reference from message where message_id = ${messageId}
  `.execute(database.db);
  return rows[0]!;
}

test('a message whose transaction is undone is never sent', async () => {
  const { messages, jobs } = started({ adapter: 'log' });
  const undone = database.db.transaction().execute(async (tx) => {
    await messages.send(tx, { appId: APP_ID, to, ...code });
    throw new Error('undone');
  });
  await expect(undone).rejects.toThrow('undone');
  // The job of these tests is outside of the transaction: the row is what counts.
  expect(await jobs.run(clock.now())).toEqual([]);
  expect(lines.join('')).not.toContain('246813');
});

test('the log adapter writes the text into the log, for development', async () => {
  const { messages, jobs } = started({ adapter: 'log' });
  const messageId = await sent(messages);
  expect(await jobs.run(clock.now())).toEqual([]);
  expect(lines.join('')).toContain('246813');
  expect(await row(messageId)).toMatchObject({ state: 'sent', content_sealed: null });
});

test('a webhook gets a signed message, is tried again after a fault, and no code stands in log or row', async () => {
  const gateway = await startHttpStub();
  const url = gateway.answer('/sms', (response) => void response.writeHead(503).end());
  const { messages, jobs } = started({ adapter: 'webhook', url, secret: SECRET });
  const messageId = await sent(messages);
  expect(await jobs.run(clock.now())).toHaveLength(1);
  expect(await row(messageId)).toMatchObject({ state: 'waiting', failure: 'the gateway answered HTTP 503' });

  let headers: IncomingHttpHeaders = {};
  gateway.answer('/sms', (response, request) => {
    headers = request.headers;
    response.end('{"id":"SMS-1"}');
  });
  expect(await jobs.run(clock.now())).toEqual([]);
  expect(await row(messageId)).toMatchObject({ state: 'sent', content_sealed: null, adapter_reference: 'SMS-1' });
  const message = new Webhook(SECRET).verify(gateway.received.at(-1)!, headers as Record<string, string>);
  expect(message).toMatchObject({ id: messageId, kind: 'sign_code', mobile: to.mobile, params: code.params });
  expect(lines.join('')).not.toContain('246813');
  const { rows } = await sql<{ text: string }>`select message::text as text from message`.execute(database.db);
  expect(rows.map(({ text }) => text).join('')).not.toMatch(/246813|13800138000/);
  await gateway.close();
});

test('a gateway that refuses ends the message', async () => {
  const gateway = await startHttpStub();
  const url = gateway.answer('/sms', (response) => void response.writeHead(400).end());
  const { messages, jobs } = started({ adapter: 'webhook', url, secret: SECRET });
  const messageId = await sent(messages);
  expect(await jobs.run(clock.now())).toEqual([]);
  expect(await row(messageId)).toMatchObject({ state: 'failed', content_sealed: null });
  const settings = { adapter: 'webhook', url, secret: SECRET } as const;
  expect(await messagesFinding({ messages: settings }, database.db)).toMatchObject({
    ok: false,
    detail: expect.stringContaining('1 failed'),
  });
  await gateway.close();
});

test('a message that has run out is not sent, and one whose job was lost gets another', async () => {
  let tries = 0;
  const adapter: MessageAdapter = {
    name: 'webhook',
    reaches: () => true,
    send: () => Promise.resolve({ kind: (tries += 1) > 0 ? 'taken' : 'taken', reference: null }),
  };
  const { messages, jobs } = started(adapter);
  const lost = await sent(messages);
  const expiresAt = new Date(clock.now().getTime() + 600_000);
  await database.db.transaction().execute((tx) => messages.send(tx, { appId: APP_ID, to, ...code, expiresAt }));
  jobs.lose();
  clock.pass(3 * 3_600_000);
  await messages.sweep();
  expect(await jobs.run(clock.now())).toEqual([]);
  expect(tries).toBe(1);
  expect(await row(lost)).toMatchObject({ state: 'sent' });
});

test('SMTP: a mobile is written to at its gateway; without one nobody is reached', async () => {
  const said: string[] = [];
  const server = createServer((socket) => {
    socket.write('220 mail.test\r\n');
    let inText = false;
    socket.on('data', (bytes) => {
      for (const line of bytes.toString().split('\r\n')) {
        if (line === '') continue;
        said.push(line);
        if (inText) {
          if (line !== '.') continue;
          inText = false;
          socket.write('250 queued as 7\r\n');
        } else if (line === 'DATA') {
          inText = true;
          socket.write('354 go on\r\n');
        } else if (line.startsWith('QUIT')) socket.end('221 bye\r\n');
        else socket.write('250 ok\r\n');
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const settings = { adapter: 'smtp', url: `smtp://127.0.0.1:${port}`, from: 'Yinxin <sign@example.com>' } as const;

  const without = started({ ...settings, mobileAddress: null });
  const nobody = await database.db
    .transaction()
    .execute((tx) => without.messages.send(tx, { appId: APP_ID, to, ...code }));
  expect(nobody).toEqual({ isReachable: false });

  const { messages, jobs } = started({ ...settings, mobileAddress: '{mobile}@sms.example.com' });
  const messageId = await sent(messages);
  expect(await jobs.run(clock.now())).toEqual([]);
  expect(await row(messageId)).toMatchObject({ state: 'sent', adapter_reference: '250 queued as 7' });
  expect(said).toContain('RCPT TO:<13800138000@sms.example.com>');
  expect(lines.join('')).not.toContain('246813');
  await new Promise((resolve) => server.close(resolve));
});
