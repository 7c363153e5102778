import { execFile } from 'node:child_process';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chainEntry, entryPrefix } from '../../src/relay/attempt-chain.ts';
import { findAttempts } from '../../src/relay/delivery-store.ts';
import { createRelayOperations, type Evidence } from '../../src/relay/index.ts';
import { createTestDatabase } from '../support/database.ts';
import { deliver, inState, startHesitant } from '../support/delivery-history.ts';
import { applications, APP_ID, relayKeys, startRelayService, vault } from '../support/relay-service.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const database = await createTestDatabase();
const { db } = database;
const service = await startRelayService({ database });
const { relay, clock } = service;
const operations = createRelayOperations({ db, clock, vault, keys: applications });
const destination = await startHesitant();
const CONTENT = '{"flow":"F-1","money":1.10,"note":"合同\\u4e00\\n\\ud800 \\"x\\""}';
let folder: string;
let requestId: string;
let evidence: Evidence;

beforeAll(async () => {
  folder = await makeTemporaryFolder('yinxin-evidence-');
  await deliver(relay, { url: destination.url, content: '{}' }, 'waiting');
  requestId = await deliver(relay, { url: destination.url, content: CONTENT }, 'waiting');
  // Links of others stand between its first attempt and its second.
  await Promise.all([1, 2, 3].map((n) => deliver(relay, { url: destination.url, content: `{"n":${n}}` }, 'waiting')));
  clock.advance(10_000);
  await inState(relay, requestId, 'delivered');
  evidence = await operations.exportEvidence(requestId);
});
afterAll(async () => {
  await service.stop();
  await destination.close();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

/** Runs the recipe of docs/evidence.md as it stands there. */
async function check(file: unknown): Promise<{ code: number; out: string }> {
  const document = await readFile(new URL('../../../../docs/evidence.md', import.meta.url), 'utf8');
  const recipe = /^```sh\n(set -eu\n[^]*?)^```$/m.exec(document)?.[1];
  if (recipe === undefined) throw new Error('docs/evidence.md has no recipe');
  const script = join(folder, 'check.sh');
  await writeFile(script, recipe);
  await writeFile(join(folder, 'evidence.json'), JSON.stringify(file));
  return promisify(execFile)('sh', [script], { cwd: folder }).then(
    ({ stdout }) => ({ code: 0, out: stdout }),
    (error: { code: number; stdout: string }) => ({ code: error.code, out: error.stdout }),
  );
}

const sha256Of = (content: string) => createHash('sha256').update(content).digest('hex');

const statementOf = ({ statement }: Evidence) => JSON.parse(Buffer.from(statement, 'base64').toString('utf8'));

/** What somebody who holds the key would sign: only the chain can tell it from the truth. */
function signedAnew(change: (text: string) => string): Evidence {
  const text = change(Buffer.from(evidence.statement, 'base64').toString('utf8'));
  const signature = sign('RSA-SHA256', Buffer.from(text, 'utf8'), relayKeys.privateKey).toString('base64');
  return { ...evidence, statement: Buffer.from(text, 'utf8').toString('base64'), signature };
}

describe('the evidence of a callback', () => {
  test('tells the message, each attempt and the links that hold them', () => {
    const statement = statementOf(evidence);
    expect(statement).toMatchObject({
      format: 'yinxin-delivery-evidence/2',
      delivery: { request_id: requestId, app_id: APP_ID, state: 'delivered', url: destination.url },
      message: { content: CONTENT, sha256: createHash('sha256').update(CONTENT).digest('hex') },
    });
    const attempts = statement.attempts.map((attempt: { text: string }) =>
      Object.fromEntries(
        JSON.parse(attempt.text).map((value: unknown, index: number) => [statement.attempt_fields[index], value]),
      ),
    );
    expect(attempts).toMatchObject([
      {
        number: 1,
        outcome: 'unacknowledged',
        status: 500,
        reason: 'status_500',
        remote_address: '127.0.0.1',
        tls_fingerprint: null,
        answer: Buffer.from('noch nicht, 稍后再试 "1"').toString('hex'),
        node: 'node-1',
      },
      { number: 2, outcome: 'acknowledged', status: 200, reason: null },
    ]);
    const bodies = destination.receipts.filter((receipt) => receipt.webhookId === requestId);
    expect(attempts.map((attempt: { request_sha256: string }) => attempt.request_sha256)).toEqual(
      bodies.map((receipt) => createHash('sha256').update(receipt.body).digest('hex')),
    );
    expect(attempts[0].started_at).toMatch(/Z$/);
    expect(statement.links.map((link: { sequence: number }) => link.sequence)).toEqual(
      statement.attempts.map((attempt: { link: number }) => attempt.link),
    );
  });

  test('holds by the recipe of the documentation, with openssl, jq, base64 and sha256sum', async () => {
    const { code, out } = await check(evidence);
    expect(out).toContain('Verified OK');
    expect(out.match(/link \d+ holds/g)).toHaveLength(2);
    expect(out).toContain('"remote_address": "127.0.0.1"');
    expect(code).toBe(0);
  });

  test('does not hold with one byte of the statement or the signature changed', async () => {
    const bytes = Buffer.from(evidence.statement, 'base64');
    for (const at of [0, bytes.indexOf('1.10'), bytes.indexOf('status_500'), bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed[at] = changed[at]! ^ 1;
      const { code, out } = await check({ ...evidence, statement: changed.toString('base64') });
      expect(out).not.toContain('Verified OK');
      expect(code).not.toBe(0);
    }
    const signature = Buffer.from(evidence.signature, 'base64');
    signature[7] = signature[7]! ^ 1;
    expect((await check({ ...evidence, signature: signature.toString('base64') })).code).not.toBe(0);
  });

  test('under another key it holds only by that key', async () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const public_key = other.publicKey.export({ format: 'pem', type: 'spki' }).toString();
    expect((await check({ ...evidence, public_key })).code).not.toBe(0);
  });

  test.each([
    ['an attempt that is told otherwise', (text: string) => text.replace('\\"status_500\\"', '\\"status_503\\"')],
    ['a message that is told otherwise', (text: string) => text.replace('1.10', '1.11')],
    ['a hash before that is another', (text: string) => text.replace(/"hash":"./, (hash) => `${hash.slice(0, -1)}/`)],
    [
      'a message that is told otherwise with its SHA-256',
      (text: string) =>
        text.replace('1.10', '1.11').replaceAll(sha256Of(CONTENT), sha256Of(CONTENT.replace('1.10', '1.11'))),
    ],
    ['a destination that is told otherwise', (text: string) => text.replaceAll('/callback"', '/elsewhere"')],
    [
      'a destination that the delivery tells otherwise than its text',
      (text: string) => text.replace('"url":"http', '"url":"https'),
    ],
    ['a delivery whose attempts all failed', (text: string) => text.replaceAll('acknowledged\\"', 'refused\\"')],
    ['an attempt that is left out of the links', (text: string) => text.replaceAll('{"attempt":2}', '{"entries":""}')],
  ])('%s does not hold, whoever signs it', async (_what, change) => {
    const forged = signedAnew(change);
    expect(forged.statement).not.toBe(evidence.statement);
    const { code, out } = await check(forged);
    expect(out).toContain('Verified OK');
    expect(code).not.toBe(0);
  });

  test('where the message was dropped its SHA-256 stands', async () => {
    const id = await deliver(relay, { url: destination.url, content: '{"gone":1}' }, 'waiting');
    clock.advance(10_000);
    await inState(relay, id, 'delivered');
    await sql`
      update delivery set content = null, content_sha256 = sha256(convert_to(content, 'UTF8')) where request_id = ${id}
    `.execute(db);
    const exported = await operations.exportEvidence(id);
    expect(statementOf(exported).message).toEqual({
      content: null,
      sha256: createHash('sha256').update('{"gone":1}').digest('hex'),
    });
    expect((await check(exported)).code).toBe(0);
  });

  test('where the link before was dropped, the recipe says that a hash cannot be recomputed', async () => {
    const [first] = statementOf(evidence).links;
    const known = `"previous_hash":"${first.previous_hash}"`;
    const { code, out } = await check(signedAnew((text) => text.replace(known, '"previous_hash":null')));
    expect(out).toContain(`link ${first.sequence}: the one before it is no longer kept`);
    expect(code).toBe(0);
  });

  test('an attempt of before deliveries were hashed is told by its own text, and the recipe says what that is worth', async () => {
    const id = await deliver(relay, { url: destination.url, content: '{"old":1}' }, 'waiting');
    clock.advance(10_000);
    await inState(relay, id, 'delivered');
    const [attempt] = await findAttempts(db, APP_ID, id);
    const prefix = entryPrefix(id, 1);
    await sql`
      update delivery_attempt_link
      set entries = overlay(entries placing ${chainEntry(APP_ID, id, attempt!, null)} from position(${prefix} in entries))
      where position(${prefix} in entries) > 0`.execute(db);
    const exported = await operations.exportEvidence(id);
    const texts = statementOf(exported).attempts.map((each: { text: string }) => JSON.parse(each.text).length);
    expect(texts).toEqual([14, 15]);
    const { out, code } = await check(exported);
    // The link's own hash was not made anew here.
    expect(code).not.toBe(0);
    expect(out).toContain('Verified OK');
  });

  test.each([
    ['its message', sql`update delivery set content = replace(content, '1', '2')`],
    ['its URL', sql`update delivery set url = url || '?'`],
    ['its type', sql`update delivery set message_type = 'other'`],
    ['a try', sql`update delivery_attempt set duration_ms = duration_ms + 1`],
    ['the outcome of its last try', sql`update delivery_attempt set outcome = 'refused'`],
  ])('nothing is signed once %s was changed in the database', async (_what, edit) => {
    const id = await deliver(relay, { url: destination.url, content: '{"edited":1}' }, 'waiting');
    clock.advance(10_000);
    await inState(relay, id, 'delivered');
    await operations.exportEvidence(id);
    await sql`${edit} where request_id = ${id}`.execute(db);
    await expect(operations.exportEvidence(id)).rejects.toMatchObject({ code: 'delivery_record_changed' });
  });

  test('nothing is signed of a failed callback that was made a delivered one', async () => {
    const id = await deliver(relay, { url: destination.url, content: '{"flipped":1}' }, 'waiting');
    await relay.skip(id, 'operator');
    const { attempts, delivery } = statementOf(await operations.exportEvidence(id));
    expect(delivery).toMatchObject({ state: 'failed', reason: 'skipped' });
    expect(attempts).toHaveLength(1);
    await sql`update delivery set failed_at = null, reason = null where request_id = ${id}`.execute(db);
    await expect(operations.exportEvidence(id)).rejects.toMatchObject({ code: 'delivery_record_changed' });
  });

  test('of an unknown id there is none', async () => {
    await expect(operations.exportEvidence('no id')).rejects.toMatchObject({ code: 'delivery_not_found' });
  });
});
