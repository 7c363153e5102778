import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
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

beforeAll(async () => {
  directory = await temporaryDirectory('yinxin-cli-');
  dataDir = join(directory.path, 'data');
  service = await startServiceProcess(dataDir, { YINXIN_EGRESS_ALLOW: '127.0.0.0/8' });
});

afterAll(async () => {
  await service.end('SIGTERM');
  await directory.remove();
});

/** A port that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const run = async (...argv: string[]): Promise<Ran> => yinxin(dataDir, ...argv);

async function newApp(name: string, ...more: string[]): Promise<Record<string, string>> {
  const ran = await run(
    'app',
    'create',
    '--name',
    name,
    '--generate-key',
    join(directory.path, name),
    '--json',
    ...more,
  );
  expect(ran.err).toBe('');
  return ran.json() as Record<string, string>;
}

describe('yinxin app', () => {
  test('create makes the key pair here, writes the private key for its owner alone and never sends it', async () => {
    const app = await newApp('first');
    expect(app['app_id']).toMatch(/^[A-Z0-9]{16}$/);
    expect(app['app_secret']).toMatch(/^\S{32,}$/);
    expect(app['relay_public_key']).toContain('BEGIN PUBLIC KEY');
    const file = app['private_key_file']!;
    const pem = await readFile(file, 'utf8');
    expect(pem).toContain('BEGIN PRIVATE KEY');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const own = createPublicKey(createPrivateKey(pem)).export({ type: 'spki', format: 'pem' });
    expect(app['public_key']).toBe(own);
    expect(JSON.stringify(app)).not.toContain('BEGIN PRIVATE KEY');
    expect(service.log()).not.toContain(app['app_secret']);
  });

  test('create does not overwrite a key that stands there', async () => {
    await newApp('twice');
    const again = await run('app', 'create', '--name', 'again', '--generate-key', join(directory.path, 'twice'));
    expect(again).toMatchObject({ code: 1 });
    expect(again.err).toContain('does a key stand there already');
  });

  test('create takes a public key from a file, and says which field is not right', async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const file = join(directory.path, 'weak.pem');
    await writeFile(file, publicKey.export({ type: 'spki', format: 'pem' }));
    const weak = await run('app', 'create', '--name', 'weak', '--public-key', file);
    expect(weak.code).toBe(1);
    expect(weak.err).toMatch(/public_key must be .*2048/);
    const allowed = await run('app', 'create', '--name', 'weak', '--public-key', file, '--allow-weak-key', '--json');
    expect(allowed.json()).toMatchObject({ allow_weak_key: true });
    const neither = await run('app', 'create', '--name', 'x');
    expect(neither.err).toContain('--public-key FILE or --generate-key DIR');
  });

  test('list and show carry no secret; rotate-secret gives a new one; disable and enable', async () => {
    const app = await newApp(
      'shown',
      '--allow-ip',
      '10.0.0.0/8',
      '--allow-ip',
      '127.0.0.1',
      '--grant',
      'app.notify.get',
    );
    const list = await run('app', 'list', '--json');
    expect(list.out).toContain(app['app_id']);
    const shown = await run('app', 'show', app['app_id']!, '--json');
    expect(shown.json()).toMatchObject({
      allow_ips: ['10.0.0.0/8', '127.0.0.1/32'],
      grants: ['app.notify.get'],
      sign_type: 'RSA2',
      relay_public_key: app['relay_public_key'],
    });
    for (const { out } of [list, shown]) {
      expect(out).not.toContain(app['app_secret']);
      expect(out).not.toContain(app['webhook_secret']);
    }
    const rotated = (await run('app', 'rotate-secret', app['app_id']!, '--json')).json() as Record<string, string>;
    expect(rotated['app_secret']).toMatch(/^\S{32,}$/);
    expect(rotated['app_secret']).not.toBe(app['app_secret']);
    const disabled = (await run('app', 'disable', app['app_id']!, '--json')).json();
    expect(disabled['disabled_at']).not.toBeNull();
    expect((await run('app', 'enable', app['app_id']!, '--json')).json()['disabled_at']).toBeNull();
    expect((await run('app', 'show', 'AAAAAAAAAAAAAAAA')).err).toContain('no application AAAAAAAAAAAAAAAA');
  });
});

describe('yinxin callee', () => {
  test('set makes and changes a destination; what is left out stays', async () => {
    const made = await run('callee', 'set', 'b42652fe', '--url', 'https://partner.example/doc', '--json');
    expect(made.json()).toMatchObject({ callee_no: 'b42652fe', app_id: '*', profile: 'etc-relay', enabled: true });
    const changed = await run(
      'callee',
      'set',
      'b42652fe',
      '--profile',
      'plain',
      '--ack-json',
      'data.ok=yes',
      '--delays',
      '1s,3s',
      '--disable',
      '--json',
    );
    expect(changed.json()).toMatchObject({
      url: 'https://partner.example/doc',
      profile: 'plain',
      acknowledge: { kind: 'json', path: 'data.ok', value: 'yes' },
      delays_ms: [1_000, 3_000],
      enabled: false,
    });
    expect((await run('callee', 'show', 'b42652fe', '--json')).json()).toMatchObject({ enabled: false });
    expect((await run('callee', 'list')).out).toContain('b42652fe');
  });

  test('a destination inside a network that is not allowed is refused at once', async () => {
    const refused = await run('callee', 'set', 'inside', '--url', 'http://169.254.169.254/latest');
    expect(refused.code).toBe(1);
    expect((await run('callee', 'list', '--json')).out).not.toContain('169.254');
  });

  test('a secret of its own is shown once', async () => {
    const made = await run('callee', 'set', 'own', '--url', 'https://partner.example/x', '--generate-secret', '--json');
    const secret = (made.json() as Record<string, string>)['webhook_secret']!;
    expect(secret).toMatch(/^whsec_/);
    const shown = await run('callee', 'show', 'own', '--json');
    expect(shown.json()).toMatchObject({ has_own_webhook_secret: true });
    expect(shown.out).not.toContain(secret);
    const both = await run('callee', 'set', 'own', '--webhook-secret', secret, '--generate-secret');
    expect(both).toMatchObject({ code: 2, err: expect.stringContaining('cannot be used with') });
  });

  test('every setting is given by an option, shown, and taken away by --clear', async () => {
    const set = (...words: string[]) => run('callee', 'set', 'full', ...words, '--json');
    await set('--url', 'https://partner.example/full', '--url-pinning', 'pinned', '--ack-status', '2xx');
    await set('--never-status', '400-402', '--never-text', 'no', '--never-json', 'error:=42', '--never-json', 'a=b');
    await set('--try-after-status', '429,5xx', '--try-after-json', 'wait');
    await set('--timeout', '3s', '--in-flight', '4', '--rate', '0.5', '--circuit', '5,30s');
    const made = (await set('--ordering-path', 'data.flow_id', '--latest-only')).json();
    expect(made).toMatchObject({
      url_version: 1,
      url_pinning: 'pinned',
      attempt_timeout_ms: 3_000,
      in_flight_max: 4,
      rate_per_second: 0.5,
      circuit: { failures: 5, cool_down_ms: 30_000 },
      ordering_key_path: 'data.flow_id',
      latest_only: true,
    });
    expect((made['acknowledge'] as { statuses: number[] }).statuses).toHaveLength(100);
    expect(made['refuse']).toEqual([
      { kind: 'status', statuses: [400, 401, 402] },
      { kind: 'text', text: 'no' },
      { kind: 'json', path: 'error', value: 42 },
      { kind: 'json', path: 'a', value: 'b' },
    ]);
    const shown = (await run('callee', 'show', 'full')).out;
    expect(shown).toContain('{"kind":"status","statuses":"2xx"}');
    expect(shown).toContain('{"path":"wait","statuses":"429,5xx"}');
    const all = 'ack,never,try-after,delays,timeout,in-flight,rate,circuit,ordering,webhook-secret,ed25519,body-key';
    expect((await set('--clear', `${all},client-cert,authority,encrypt`, '--no-latest-only')).json()).toMatchObject({
      url_pinning: 'pinned',
      acknowledge: null,
      refuse: null,
      retry_after: null,
      attempt_timeout_ms: null,
      in_flight_max: null,
      rate_per_second: null,
      circuit: null,
      ordering_key_path: null,
      latest_only: false,
    });
    expect((await set('--circuit', 'off')).json()).toMatchObject({ circuit: 'off' });
    const one = await set('--never-json', 'a=b', '--delays', '1s,7d');
    expect(one.json()).toMatchObject({ refuse: [{ path: 'a' }], delays_ms: [1_000, 604_800_000] });
    expect((await set('--ack-json', 'code:=9007199254740993')).err).toContain('up to 15 digits');
    expect((await set('--clear', 'everything')).err).toContain('--clear everything: one of ack, never');
    expect((await set('--circuit', '5')).err).toContain('10,30s');
    expect((await set('--client-cert', 'x.pem')).err).toContain('belong together');
    expect((await set('--authority', 'nowhere.pem')).err).toContain('cannot read nowhere.pem');
  });

  test('rotate-secret makes a secret, shows it once, and says until when the one before is valid too', async () => {
    await run('callee', 'set', 'rotating', '--url', 'https://partner.example/rotating');
    const rotate = (...words: string[]) => run('callee', 'rotate-secret', 'rotating', ...words, '--json');
    const made = (await rotate('--overlap', '2h')).json() as Record<string, string>;
    expect(made['webhook_secret']).toMatch(/^whsec_/);
    expect(Date.parse(made['previous_webhook_secret_until']!)).toBeGreaterThan(Date.now());
    const pair = (await rotate('--kind', 'ed25519')).json();
    expect(pair).not.toHaveProperty('webhook_secret');
    expect(pair['ed25519_public_keys']).toEqual([{ public_key: expect.stringMatching(/^whpk_/), until: null }]);
    const shown = await run('callee', 'show', 'rotating', '--json');
    expect(shown.out).not.toMatch(/whsec_|whsk_|PRIVATE/);
    expect((await rotate('--kind', 'made-up')).code).toBe(2);
    const ofBody = await rotate('--kind', 'body', '--overlap', '1h');
    expect(ofBody).toMatchObject({
      code: 1,
      err: expect.stringContaining('overlap_ms must be left out with kind body'),
    });
    expect((await rotate('--overlap', '721h')).err).toContain('overlap_ms must be');
    expect((await run('callee', 'rotate-secret', 'nobody')).err).toContain('no callee nobody');
  });

  test('urls tells every URL, who set it and when', async () => {
    for (const path of ['a', 'b']) await run('callee', 'set', 'moved', '--url', `https://partner.example/${path}`);
    const { urls } = (await run('callee', 'urls', 'moved', '--json')).json() as { urls: Record<string, unknown>[] };
    expect(urls).toMatchObject([
      { version: 2, url: 'https://partner.example/b', set_by: 'operator' },
      { version: 1, url: 'https://partner.example/a' },
    ]);
    expect((await run('callee', 'urls', 'moved')).out).toContain('https://partner.example/a');
  });
});

describe('yinxin callback', () => {
  test('list, show and replay', async () => {
    const app = await newApp('relaying');
    const answer = await fetch(`${service.url}/api/callback`, {
      method: 'POST',
      headers: { authorization: `Bearer ${app['app_secret']}`, 'content-type': 'application/json' },
      // Nobody listens there: the first attempt fails at once.
      body: JSON.stringify({
        callback_url: `http://127.0.0.1:${await closedPort()}/x`,
        app_id: app['app_id'],
        message_type: '',
        request_message: {},
      }),
    });
    const { request_id: requestId, code } = (await answer.json()) as Record<string, string>;
    expect(code).toBe('202');
    const list = await run('callback', 'list', '--app', app['app_id']!, '--json');
    expect(list.json()['callbacks']).toHaveLength(1);
    const shown = await vi.waitFor(
      async () => {
        const found = (await run('callback', 'show', requestId!, '--json')).json();
        expect(found['attempt_list']).not.toEqual([]);
        return found;
      },
      { timeout: 20_000, interval: 100 },
    );
    expect(shown).toMatchObject({ request_id: requestId, app_id: app['app_id'], content: '{}' });
    const early = await run('callback', 'replay', requestId!);
    expect(early.err).toContain('still on its way');
    expect((await run('callback', 'show', '00000000-0000-7000-8000-000000000000')).err).toContain('no callback');
    expect((await run('callback', 'list', '--state', 'lost')).code).toBe(2);
  });
});

describe('yinxin org', () => {
  test('an empty list says what to do, an unknown company is said to be unknown, a reason is asked for', async () => {
    expect((await run('org', 'list')).out).toContain('no companies yet');
    expect((await run('org', 'verify', 'nowhere', '--reason', 'seen')).err).toContain('no company nowhere');
    expect((await run('org', 'verify', 'nowhere')).err).toContain('--reason');
    expect((await run('org', 'verify', 'nowhere', '--reason', ' ')).code).toBe(1);
  });
});

describe('yinxin', () => {
  test('every command has --help, and those that answer have --json', async () => {
    const groups: Record<string, string[]> = {
      app: ['create', 'list', 'show', 'rotate-secret', 'disable', 'enable'],
      callee: ['set', 'list', 'show', 'urls', 'rotate-secret'],
      callback: ['list', 'show', 'replay'],
      org: ['list', 'show', 'verify'],
    };
    for (const [group, commands] of Object.entries(groups)) {
      for (const command of commands) {
        const help = await run(group, command, '--help');
        expect(help.code, `${group} ${command}`).toBe(0);
        expect(help.out, `${group} ${command}`).toContain('--json');
      }
    }
    for (const command of ['serve', 'migrate', 'demo', 'doctor']) {
      expect((await run(command, '--help')).code, command).toBe(0);
    }
  });

  test('doctor looks at the running service and tells how long its start took', async () => {
    const doctor = await run('doctor', '--timings', '--json');
    expect(doctor.err).toBe('');
    const { findings, timings } = doctor.json() as {
      findings: { name: string; ok: boolean }[];
      timings: Record<string, unknown>;
    };
    expect(findings.map((finding) => finding.name)).toEqual(
      expect.arrayContaining(['Node', 'data directory', 'disk', 'master key', 'service', 'database', 'durability']),
    );
    expect(findings.filter((finding) => !finding.ok)).toEqual([]);
    expect(timings['cold']).toMatchObject({ total: expect.any(Number), initdb: expect.any(Number) });
  });

  test('what is not understood is told in a line, without a stack', async () => {
    const unknown = await run('nonsense');
    expect(unknown.code).toBe(2);
    expect(unknown.err).not.toContain('at ');
    const elsewhere = await yinxin(join(directory.path, 'nowhere'), 'app', 'list');
    expect(elsewhere).toMatchObject({ code: 1 });
    expect(elsewhere.err).toContain('npm start');
  });

  test('the admin API lets nobody in without the token', async () => {
    for (const authorization of ['', 'Bearer ', 'Bearer wrong', `Basic ${'x'.repeat(43)}`]) {
      const answer = await fetch(`${service.url}/admin/v1/apps`, { headers: { authorization } });
      expect(answer.status).toBe(401);
      expect(await answer.json()).toMatchObject({ error: 'unauthorized' });
    }
    expect((await stat(join(dataDir, 'admin-token'))).mode & 0o777).toBe(0o600);
  });
});
