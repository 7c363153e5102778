import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfigError, readConfig, type Environment } from './config.ts';

const defaults = { cwd: '/srv/app', nodeName: 'node-1' };
const read = (environment: Environment) => readConfig(environment, defaults);

function faultsOf(environment: Environment): string[] {
  try {
    read(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map((fault) => fault.variable);
    throw error;
  }
  return [];
}

describe('readConfig', () => {
  test('nothing needs to be set', () => {
    expect(read({})).toEqual({
      dataDir: resolve('/srv/app/yinxin-data'),
      host: '127.0.0.1',
      port: 8686,
      publicUrl: null,
      relayContentDays: null,
      relayRetentionDays: 90,
      databaseUrl: null,
      databasePoolSizeMax: 20,
      masterKey: null,
      egressAllowCidrs: [],
      trustedProxies: [],
      logLevel: 'info',
      trust: {
        keyAlgorithm: 'RSA-2048',
        pkiUrl: null,
        companyAuthority: 'built-in',
        companyDays: 1095,
        personDays: 1095,
        policies: [],
        pkcs11: { modulePath: null, pin: null },
      },
      factorSource: 'declared',
      unprovenPerSecondPerAddressMax: 200,
      requestsPerSecondPerMemberMax: 30,
      nodeName: 'node-1',
      messages: { adapter: 'log' },
      messageLanguage: 'zh',
      signReadingSeconds: 0,
      signatureLevel: 'B-B',
      timestampServices: [],
      trustRoots: null,
      verificationsPerSecondPerAddressMax: 2,
      traces: null,
    });
  });

  test('an adapter of messages that lacks what it needs is a fault', () => {
    expect(faultsOf({ YINXIN_MESSAGE_ADAPTER: 'webhook', YINXIN_MESSAGE_WEBHOOK_URL: 'http://sms.test/' })).toEqual([
      'YINXIN_MESSAGE_WEBHOOK_SECRET',
    ]);
    expect(faultsOf({ YINXIN_MESSAGE_ADAPTER: 'smtp' })).toEqual([
      'YINXIN_MESSAGE_SMTP_URL',
      'YINXIN_MESSAGE_SMTP_FROM',
    ]);
  });

  test('a level that needs timestamps without a service that gives them is a fault', () => {
    expect(faultsOf({ YINXIN_SIGNATURE_LEVEL: 'B-LT' })).toEqual(['YINXIN_SIGNATURE_LEVEL']);
    expect(faultsOf({ YINXIN_SIGNATURE_LEVEL: 'B-X', YINXIN_TIMESTAMP_URLS: 'tsa' })).toEqual([
      'YINXIN_TIMESTAMP_URLS',
      'YINXIN_SIGNATURE_LEVEL',
    ]);
  });

  test('with a timestamp service signatures reach B-T, and more where it is asked for', () => {
    const services = { YINXIN_TIMESTAMP_URLS: 'built-in' };
    expect(read(services)).toMatchObject({ signatureLevel: 'B-T', timestampServices: [{ kind: 'built-in' }] });
    expect(read({ ...services, YINXIN_SIGNATURE_LEVEL: 'B-LTA' })).toMatchObject({ signatureLevel: 'B-LTA' });
    expect(read({ ...services, YINXIN_SIGNATURE_LEVEL: 'B-B' })).toMatchObject({ signatureLevel: 'B-B' });
  });

  test('an empty variable is as good as none', () => {
    expect(read({ YINXIN_PORT: '', DATABASE_URL: ' ' })).toMatchObject({ port: 8686, databaseUrl: null });
  });

  test('every fault is reported at once', () => {
    expect(
      faultsOf({
        YINXIN_PORT: '70000',
        YINXIN_HOST: 'not an address',
        YINXIN_PUBLIC_URL: 'ftp://files.example',
        DATABASE_URL: 'mysql://localhost/x',
        YINXIN_MASTER_KEY: 'short',
        YINXIN_EGRESS_ALLOW: '10.0.0.0/8,banana',
        YINXIN_LOG_LEVEL: 'loud',
        YINXIN_DATABASE_POOL: '2',
      }),
    ).toEqual([
      'YINXIN_HOST',
      'YINXIN_PORT',
      'YINXIN_PUBLIC_URL',
      'DATABASE_URL',
      'YINXIN_DATABASE_POOL',
      'YINXIN_MASTER_KEY',
      'YINXIN_EGRESS_ALLOW',
      'YINXIN_LOG_LEVEL',
    ]);
  });

  test('a misspelt variable of ours is a fault, a stranger is not', () => {
    expect(faultsOf({ YINXIN_PROT: '80', PATH: '/bin' })).toEqual(['YINXIN_PROT']);
  });

  test('a fault never shows the value', () => {
    const secret = 'postgresqll://user:hunter2@db/x';
    expect(() => read({ DATABASE_URL: secret, YINXIN_MASTER_KEY: 'hunter2' })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hunter2') }),
    );
  });

  test('CIDRs may be single addresses, and are separated by commas or spaces', () => {
    expect(read({ YINXIN_EGRESS_ALLOW: '127.0.0.1, ::1 10.0.0.0/8' }).egressAllowCidrs).toEqual([
      '127.0.0.1/32',
      '::1/128',
      '10.0.0.0/8',
    ]);
  });

  test('a public URL loses its trailing slash', () => {
    expect(read({ YINXIN_PUBLIC_URL: 'https://sign.example.com/' }).publicUrl).toBe('https://sign.example.com');
  });
});
