import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SignedData } from '@peculiar/asn1-cms';
import { AsnConvert } from '@peculiar/asn1-schema';
import { TimeStampResp, TSTInfo } from '@peculiar/asn1-tsp';
import * as fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createEgress } from '../../src/platform/egress/index.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { issueCompanyCertificate } from '../../src/trust/authority.ts';
import type { CmsIdentity } from '../../src/trust/cms.ts';
import * as der from '../../src/trust/der.ts';
import { createTimestampAuthority } from '../../src/trust/timestamp/authority.ts';
import { httpTimestampService, type TimestampUrl } from '../../src/trust/timestamp/http-service.ts';
import { decodeQuery, encodeQuery } from '../../src/trust/timestamp/query.ts';
import { createTimestamps, type TimestampService } from '../../src/trust/timestamp/timestamps.ts';
import { readTimestampResponse, readTimestampToken } from '../../src/trust/timestamp/token.ts';
import { verifyTimestamp } from '../../src/trust/timestamp/verify.ts';
import {
  opensslTimestampAuthority,
  startTimestampServer,
  testTimestampAuthority,
  type OpensslTimestampAuthority,
  type TestTimestampAuthority,
  type TimestampServer,
} from '../support/timestamp-services.ts';

const run = promisify(execFile);
const egress = createEgress({ allowCidrs: ['127.0.0.0/8'] });
const digest = createHash('sha256').update('合同').digest();

let directory: string;
let own: TestTimestampAuthority;
let other: OpensslTimestampAuthority;
let server: TimestampServer;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'yinxin-tsa-'));
  own = await testTimestampAuthority();
  other = await opensslTimestampAuthority(directory);
  server = await startTimestampServer((query) => own.respond(query));
});
beforeEach(() => {
  server.respond = (query) => own.respond(query);
});
afterAll(async () => {
  await server?.close();
  await egress.close();
  await rm(directory, { recursive: true, force: true });
});

const service = (changed: Partial<TimestampUrl> = {}, totalTimeoutMs = 5_000): TimestampService =>
  httpTimestampService(egress, { url: server.url, roots: [own.root], ...changed }, { totalTimeoutMs });

function timestampsOf(services: readonly TimestampService[], clock = systemClock) {
  const failures: string[] = [];
  const onFailure = (_: string, reason: string) => failures.push(reason);
  return { ...createTimestamps({ services, clock, randomBytes, onFailure }), failures };
}

describe('the built-in service', () => {
  test.each(['RSA-2048', 'P-256'] as const)('openssl asks it and believes it: %s', async (algorithm) => {
    const authority = await testTimestampAuthority(algorithm);
    const path = (name: string) => join(directory, `${algorithm}-${name}`);
    await writeFile(path('content'), '合同');
    await run('openssl', ['ts', '-query', '-data', path('content'), '-sha256', '-cert', '-out', path('query')]);
    await writeFile(path('reply'), await authority.respond(await readFile(path('query'))));
    await writeFile(path('root'), authority.rootPem);
    const trusting = ['-in', path('reply'), '-CAfile', path('root')];
    const { stdout } = await run('openssl', ['ts', '-verify', '-queryfile', path('query'), ...trusting]);
    expect(stdout).toContain('Verification: OK');
    await writeFile(path('content'), '另一份合同');
    const lie = run('openssl', ['ts', '-verify', '-data', path('content'), ...trusting]);
    await expect(lie).rejects.toThrow('message imprint mismatch');
    const { stdout: text } = await run('openssl', ['ts', '-reply', '-in', path('reply'), '-text']);
    expect(text).toContain('Policy OID: 2.25.194997106437792673173600357860466152605');
    expect(text).toContain('Accuracy: 0x01 seconds');
  });

  test('says what another reader of RFC 3161 reads', async () => {
    const nonce = Buffer.from('00ff01', 'hex');
    const answer = AsnConvert.parse(await own.respond(encodeQuery({ sha256: digest, nonce })), TimeStampResp);
    expect(answer.status.status).toBe(0);
    const signedData = AsnConvert.parse(answer.timeStampToken!.content, SignedData);
    const info = AsnConvert.parse(signedData.encapContentInfo.eContent!.single!, TSTInfo);
    expect(Buffer.from(info.messageImprint.hashedMessage.buffer).equals(digest)).toBe(true);
    expect(Buffer.from(info.nonce!).toString('hex')).toBe('00ff01');
    expect([info.version, info.accuracy?.seconds, info.ordering]).toEqual([1, 1, false]);
  });

  test('leaves its certificates out where the query wants none', async () => {
    await writeFile(join(directory, 'content'), '合同');
    await run('openssl', [
      'ts',
      '-query',
      '-data',
      join(directory, 'content'),
      '-sha256',
      '-out',
      join(directory, 'q'),
    ]);
    const token = readTimestampResponse(await own.respond(await readFile(join(directory, 'q'))));
    expect(token.certificates).toEqual([]);
    expect(() => verifyTimestamp(token, { sha256: digest })).toThrow('certificate_missing');
  });

  test.each<[string, () => Buffer | Promise<Buffer>, string]>([
    ['bytes that are no query', () => Buffer.from('hello'), 'wrong format'],
    ['nothing', () => Buffer.alloc(0), 'wrong format'],
    [
      'another digest',
      () =>
        der.sequence(
          der.integer(1),
          der.sequence(der.sequence(der.oid('2.16.840.1.101.3.4.2.3')), der.octetString(Buffer.alloc(64))),
        ),
      'algorithm',
    ],
    [
      'a policy of others',
      () => encodeQuery({ sha256: digest, nonce: Buffer.of(1), policy: '1.2.3' }),
      'policy is not supported',
    ],
    [
      'a digest that is too short',
      () => encodeQuery({ sha256: Buffer.alloc(20), nonce: Buffer.of(1) }),
      'not permitted',
    ],
  ])('refuses %s', async (_, query, reason) => {
    const answer = await own.respond(await query());
    expect(() => readTimestampResponse(answer)).toThrow('not_granted');
    await writeFile(join(directory, 'refusal'), answer);
    const { stdout } = await run('openssl', ['ts', '-reply', '-in', join(directory, 'refusal'), '-text']);
    expect(stdout).toContain('Status: Rejected');
    expect(stdout).toContain(reason);
  });

  test('whatever comes, it answers a TimeStampResp', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 120 }), async (bytes) => {
        const answer = await own.respond(Buffer.from(bytes));
        expect(der.readElements(answer)).toHaveLength(1);
      }),
    );
  });
});

test('a query is read as it was written', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.uint8Array({ minLength: 1, maxLength: 20 }),
      fc.option(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), { nil: undefined }),
      (sha256, nonce, arc) => {
        const policy = arc === undefined ? undefined : `2.25.${arc}`;
        const asked = { sha256: Buffer.from(sha256), nonce: Buffer.from(nonce) };
        const read = decodeQuery(encodeQuery({ ...asked, ...(policy !== undefined && { policy }) }));
        expect(read).toMatchObject({ hash: asked.sha256, policy, certificateWanted: true });
        expect(BigInt(`0x${read.nonce!.toString('hex')}`)).toBe(BigInt(`0x${asked.nonce.toString('hex')}`));
      },
    ),
  );
});

describe('a service that answers as it should', () => {
  test('gives a token, over HTTP, with the password that it wants', async () => {
    const timestamps = timestampsOf([service({ basicAuth: { user: 'yinxin', password: 'p:w' } })]);
    const answer = await timestamps.timestamp(digest);
    expect(answer).toMatchObject({ kind: 'token', service: new URL(server.url).host + '/tsr' });
    expect(server.authorizations.at(-1)).toBe(`Basic ${Buffer.from('yinxin:p:w').toString('base64')}`);
    if (answer.kind !== 'token') return;
    expect(answer.chain).toHaveLength(3);
    expect(verifyTimestamp(readTimestampToken(answer.der), { sha256: digest, roots: [own.root] }).chain).toEqual(
      answer.chain,
    );
  });

  test('may be that of openssl, with a policy that we ask for', async () => {
    server.respond = (query) => other.respond(query);
    const timestamps = timestampsOf([service({ roots: [other.root], policy: '1.2.3.4.5' })]);
    const answer = await timestamps.timestamp(digest);
    expect(timestamps.failures).toEqual([]);
    expect(answer.kind).toBe('token');
    if (answer.kind === 'token') expect(readTimestampToken(answer.der).policy).toBe('1.2.3.4.5');
  });

  test('may write lengths as BER does', async () => {
    server.respond = async (query) => indefinite(await own.respond(query));
    const timestamps = timestampsOf([service()]);
    expect(await timestamps.timestamp(digest)).toMatchObject({ kind: 'token' });
  });

  test('is believed without pinned roots where nobody said whom to trust', async () => {
    const { roots: _, ...unpinned } = service();
    expect(await timestampsOf([{ ...unpinned, roots: undefined }]).timestamp(digest)).toMatchObject({ kind: 'token' });
  });
});

/** DER as BER with indefinite lengths, and octet strings in two pieces. */
function indefinite(bytes: Buffer, depth = 0): Buffer {
  return Buffer.concat(
    der.readElements(bytes).map(({ tag, contents, bytes: all }) => {
      // What is signed or digested is left as it is: from the signed data's parts downward.
      if ((tag & 0x20) === 0 || depth > 4) return all;
      return Buffer.concat([Buffer.of(tag, 0x80), indefinite(contents, depth + 1), Buffer.of(0, 0)]);
    }),
  );
}

type Lie = (query: Buffer) => Promise<Buffer>;
const asked = (query: Buffer) => decodeQuery(query);
const companyIdentity = async (): Promise<CmsIdentity> => {
  const { key, chain } = own.identity;
  const issued = await issueCompanyCertificate(
    { certificate: chain[0]!, key },
    { subject: { companyName: '某公司' }, publicKey: key.publicKey, now: new Date(), days: 10 },
  );
  return { key, certificate: issued.certificate, chain };
};
const authorityWith = (identity: () => Promise<CmsIdentity>, now = () => new Date()) =>
  createTimestampAuthority({ identity, clock: { now }, randomBytes });
const flipped = (bytes: Buffer, marker: Buffer, offset: number): Buffer => {
  const changed = Buffer.from(bytes);
  const at = changed.indexOf(marker) + offset;
  changed[at] = changed[at]! ^ 1;
  return changed;
};

describe('a service that does not', () => {
  const lies: [string, Lie, string][] = [
    [
      'stamps something else',
      (query) => own.respond(encodeQuery({ sha256: Buffer.alloc(32, 1), nonce: asked(query).nonce! })),
      'wrong_imprint',
    ],
    [
      'stamps another query',
      () => own.respond(encodeQuery({ sha256: digest, nonce: Buffer.from('00ff', 'hex') })),
      'wrong_nonce',
    ],
    [
      'leaves the nonce out',
      (query) => {
        const fields = der.readElements(der.readElements(query)[0]!.contents);
        return own.respond(der.sequence(fields[0]!.bytes, fields[1]!.bytes, fields.at(-1)!.bytes));
      },
      'wrong_nonce',
    ],
    [
      'signs with a certificate for something else',
      async (query) => authorityWith(companyIdentity).respond(query),
      'wrong_purpose',
    ],
    [
      'signs with another key than its certificate has',
      async (query) => {
        const { identity } = await testTimestampAuthority();
        return authorityWith(async () => ({ ...own.identity, key: identity.key })).respond(query);
      },
      'signature_invalid',
    ],
    ['is somebody else', async (query) => (await testTimestampAuthority()).respond(query), 'untrusted'],
    [
      'lives in the past',
      (query) =>
        authorityWith(
          async () => own.identity,
          () => new Date(Date.now() - 3_600_000),
        ).respond(query),
      'certificate_expired',
    ],
    [
      'lives in the future',
      (query) =>
        authorityWith(
          async () => own.identity,
          () => new Date(Date.now() + 3_600_000),
        ).respond(query),
      'wrong_time',
    ],
    [
      // By seconds: an hour would be before the certificate, or not, as the clock has it.
      'changes the time after signing',
      async (query) => flipped(await own.respond(query), asked(query).hash, 65),
      'signature_invalid',
    ],
    ['refuses', async () => der.sequence(der.sequence(der.integer(2))), 'not_granted'],
    ['grants nothing', async () => der.sequence(der.sequence(der.integer(0))), 'malformed'],
    ['answers a page', async () => Buffer.from('<html>login</html>'), 'malformed'],
    ['answers nothing', async () => Buffer.alloc(0), 'malformed'],
    ['answers half', async (query) => (await own.respond(query)).subarray(0, 700), 'malformed'],
    ['answers too much', async () => Buffer.alloc(100_000), 'response_too_large'],
  ];

  test.each(lies)('%s: nothing of it is believed, and the next one is asked', async (_, lie, fault) => {
    server.respond = lie;
    const honest: TimestampService = { ...service(), name: 'honest', request: (query) => own.respond(query) };
    const timestamps = timestampsOf([service(), honest]);
    expect(await timestamps.timestamp(digest)).toMatchObject({ kind: 'token', service: 'honest' });
    expect(timestamps.failures).toEqual([expect.stringContaining(fault)]);
  });

  test.each<[string, TimestampServer['respond'], string]>([
    ['has an error', async (_, response) => void response.writeHead(500).end(), 'HTTP status 500'],
    ['hangs', async () => undefined, 'response_timeout'],
    ['hangs up', async (_, response) => void response.destroy(), 'connection_lost'],
    [
      'sends elsewhere',
      async (_, response) => void response.writeHead(302, { location: '/x' }).end(),
      'HTTP status 302',
    ],
  ])('%s: no timestamp, and why', async (_, respond, reason) => {
    server.respond = respond;
    const timestamps = timestampsOf([service({}, 300)]);
    expect(await timestamps.timestamp(digest)).toEqual({
      kind: 'unavailable',
      reason: expect.stringContaining(reason),
    });
  });

  test('is left alone for a while after three failures, and asked again then', async () => {
    let now = new Date();
    let calls = 0;
    const failing: TimestampService = {
      ...service(),
      request: async (query) => {
        calls += 1;
        if (calls <= 4) throw new Error('down');
        return authorityWith(
          async () => own.identity,
          () => now,
        ).respond(query);
      },
    };
    const timestamps = timestampsOf([failing], { now: () => now });
    const kinds: string[] = [];
    for (let index = 0; index < 5; index += 1) kinds.push((await timestamps.timestamp(digest)).kind);
    expect([calls, ...kinds]).toEqual([3, ...Array<string>(5).fill('unavailable')]);
    now = new Date(now.getTime() + 31_000);
    expect((await timestamps.timestamp(digest)).kind).toBe('unavailable');
    expect((await timestamps.timestamp(digest)).kind).toBe('unavailable');
    expect(calls).toBe(4);
    now = new Date(now.getTime() + 31_000);
    expect((await timestamps.timestamp(digest)).kind).toBe('token');
  });
});

test('whether a service that failed is back is asked by one, and the others do not wait for the answer', async () => {
  let now = new Date();
  let isUp = false;
  const asked: PromiseWithResolvers<void>[] = [];
  const slow: TimestampService = {
    ...service(),
    async request(query) {
      if (!isUp) throw new Error('down');
      const answered = Promise.withResolvers<void>();
      asked.push(answered);
      await answered.promise;
      return authorityWith(
        async () => own.identity,
        () => now,
      ).respond(query);
    },
  };
  const timestamps = timestampsOf([slow], { now: () => now });
  for (let index = 0; index < 3; index += 1) await timestamps.timestamp(digest);
  isUp = true;
  now = new Date(now.getTime() + 31_000);
  const first = timestamps.timestamp(digest);
  expect((await timestamps.timestamp(digest)).kind).toBe('unavailable');
  expect(asked).toHaveLength(1);
  asked[0]!.resolve();
  expect((await first).kind).toBe('token');
  const second = timestamps.timestamp(digest);
  asked[1]!.resolve();
  expect((await second).kind).toBe('token');
});

test('no byte of a token can be changed so that it says something else', async () => {
  const nonce = Buffer.from('0a0b0c', 'hex');
  const answer = await own.respond(encodeQuery({ sha256: digest, nonce }));
  const genuine = readTimestampResponse(answer);
  for (let at = 0; at < answer.length; at += 1) {
    const changed = Buffer.from(answer);
    changed[at] = changed[at]! ^ (1 << (at % 8));
    let content: Buffer | undefined;
    try {
      content = verifyTimestamp(readTimestampResponse(changed), { sha256: digest, nonce, roots: [own.root] }).token
        .content;
    } catch (error) {
      expect(error).toMatchObject({ name: 'TimestampError' });
      continue;
    }
    // Only what nobody signed, such as an unused certificate or the status, can be changed unnoticed.
    expect(content.equals(genuine.content)).toBe(true);
  }
});
