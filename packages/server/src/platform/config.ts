import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import { canonicalCidr } from './cidr.ts';
import type { LogLevel } from './log.ts';
import { parseTimestampServices, SIGNATURE_LEVELS } from './timestamp-settings.ts';
import type { TimestampSetting } from './timestamp-settings.ts';
import { readTrustSettings, TRUST_VARIABLES, type TrustSettings } from './trust-settings.ts';
import { MESSAGE_VARIABLES, readMessageSettings, type MessageSettings } from './message-settings.ts';

export type { MessageSettings } from './message-settings.ts';

/** Everything the service may be told from outside. Read once, at the start; see CONFIGURATION in docs/configuration.md. */
export interface Config {
  /** Absolute. Holds the embedded database, files, master key, admin token. */
  dataDir: string;
  host: string;
  /** 0 lets the system choose. */
  port: number;
  /** Where others reach this service: file URLs start with it. Null: `http://HOST:PORT` of the socket. */
  publicUrl: string | null;
  /** Null: the embedded PostgreSQL in the data directory. */
  databaseUrl: string | null;
  databasePoolSizeMax: number;
  /** Base64 or hex of 32 bytes. Null: generated into the data directory. */
  masterKey: string | null;
  /** Addresses that outgoing requests may reach although they are private, loopback or special. */
  egressAllowCidrs: string[];
  /** Addresses of proxies whose X-Forwarded-For is believed. */
  trustedProxies: string[];
  logLevel: LogLevel;
  /** Certificates and keys. */
  trust: TrustSettings;
  /** Who is asked whether a company's factors belong together: the teller's word, or the imported register. */
  factorSource: 'declared' | 'register';
  /** Requests to the e签宝 API and to the member's page that prove nobody, from one address, on this node. */
  unprovenPerSecondPerAddressMax: number;
  /** Requests of one member's page, on this node. */
  requestsPerSecondPerMemberMax: number;
  /** Days for which deliveries and their attempts are kept. */
  relayRetentionDays: number;
  /** Days after which contents of delivered messages are dropped; null: with their record. */
  relayContentDays: number | null;
  /** Names this node in leases, attempts and logs. */
  nodeName: string;
  /** How links and codes reach signers. */
  messages: MessageSettings;
  messageLanguage: 'zh' | 'en';
  /** How long a document must be open before it can be signed. Seconds. */
  signReadingSeconds: number;
  /** What signatures are to reach (ETSI EN 319 142-1); above B-B there is a timestamp service. */
  signatureLevel: (typeof SIGNATURE_LEVELS)[number];
  /** In the order in which they are asked. */
  timestampServices: readonly TimestampSetting[];
  /** A file or a folder of roots whose signatures are trusted beside the built-in authority's; null: none. */
  trustRoots: string | null;
  /** PDFs a second that one address may have validated, on this node. */
  verificationsPerSecondPerAddressMax: number;
  /** Where spans of attempts go, by OTLP/HTTP; null: nowhere. */
  traces: { url: string; headers: Readonly<Record<string, string>>; serviceName: string } | null;
}

/** One thing wrong with the configuration: which variable, and what would be right. Never the value, it may be a secret. */
export interface ConfigFault {
  variable: string;
  message: string;
}

/** Every fault at once, so that an operator mends them in one go. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    super(`configuration: ${faults.map((fault) => `${fault.variable}: ${fault.message}`).join('; ')}`);
    this.faults = faults;
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The variables the service reads, with what each is for; `yinxin doctor` and the documentation print this table. */
export const VARIABLES = {
  YINXIN_DATA_DIR: 'directory of the database, files, keys (default: ./yinxin-data)',
  YINXIN_HOST: 'address to listen on (default: 127.0.0.1)',
  YINXIN_PORT: 'port to listen on (default: 8686)',
  YINXIN_PUBLIC_URL: 'URL under which others reach this service, for links in answers',
  DATABASE_URL: 'postgresql://… of your own PostgreSQL (default: an embedded PostgreSQL 18)',
  YINXIN_DATABASE_POOL: 'database connections at most (default: 20)',
  YINXIN_MASTER_KEY: '32 bytes in Base64 or hex (default: generated into the data directory)',
  YINXIN_EGRESS_ALLOW: 'private networks outgoing requests may reach, CIDRs separated by commas',
  YINXIN_TRUSTED_PROXIES: 'addresses or CIDRs of reverse proxies in front, separated by commas',
  YINXIN_LOG_LEVEL: 'debug, info, warn, error or silent (default: info)',
  ...TRUST_VARIABLES,
  YINXIN_FACTOR_SOURCE: 'declared or register: what a company tells of itself is compared with (default: declared)',
  YINXIN_ADDRESS_RATE:
    'requests a second from one address that prove nobody, to /v1 to /v3 and /member/v1 each (default: 200)',
  YINXIN_MEMBER_RATE: "requests a second of one member's page (default: 30)",
  YINXIN_RELAY_RETENTION_DAYS: 'days for which ended deliveries are kept (default: 90)',
  YINXIN_RELAY_CONTENT_DAYS: 'days after which contents of delivered messages are dropped (default: with their record)',
  ...MESSAGE_VARIABLES,
  YINXIN_SIGN_READING_SECONDS: 'seconds for which a document must be open before it can be signed (default: 0)',
  YINXIN_TIMESTAMP_URLS:
    'timestamp services (RFC 3161), URLs or built-in, separated by spaces, asked in this order (default: none)',
  YINXIN_SIGNATURE_LEVEL: 'B-B, B-T, B-LT or B-LTA (default: B-T with a timestamp service, B-B without)',
  YINXIN_TRUST_ROOTS: 'file or folder of root certificates that validation trusts too, PEM or DER (default: none)',
  YINXIN_VERIFY_RATE: 'PDFs a second that one address may have validated (default: 2)',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'collector of OpenTelemetry spans, such as http://127.0.0.1:4318 (default: none)',
  OTEL_EXPORTER_OTLP_HEADERS: 'headers for the collector, such as authorization=Bearer%20…, separated by commas',
  OTEL_SERVICE_NAME: 'name of this service in spans (default: yinxin)',
  YINXIN_NODE_NAME: 'name of this node where several share a database (default: host name and process id)',
} as const;

type Variable = keyof typeof VARIABLES;

const PORT_DEFAULT = 8686;
const POOL_SIZE_DEFAULT = 20;
const ADDRESS_RATE_DEFAULT = 200;
/** A page asks every two seconds at most; it opens with about ten requests, its pictures among them. */
const MEMBER_RATE_DEFAULT = 30;
const RATE_MAX = 100_000;
/** Each is work for a thread of its own. */
const VERIFY_RATE_DEFAULT = 2;
const RETENTION_DAYS_DEFAULT = 90;
const RETENTION_DAYS_MAX = 3_650;
const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
const LANGUAGES = ['zh', 'en'] as const;
const READING_SECONDS_MAX = 3_600;
const FACTOR_SOURCES = ['declared', 'register'] as const;

/**
 * Reads the configuration from environment variables.
 *
 * @param environment usually `process.env`
 * @param defaults what stands where a variable is absent: the host's name, the working directory
 * @throws ConfigError with every fault
 */
export function readConfig(environment: Environment, defaults: { cwd: string; nodeName: string }): Config {
  const faults: ConfigFault[] = [];
  const read = <T>(variable: Variable, fallback: T, parse: (text: string) => T): T => {
    const text = environment[variable]?.trim();
    if (text === undefined || text === '') return fallback;
    try {
      return parse(text);
    } catch (error) {
      faults.push({ variable, message: error instanceof Error ? error.message : 'is not understood' });
      return fallback;
    }
  };
  const config: Config = {
    dataDir: read('YINXIN_DATA_DIR', join(defaults.cwd, 'yinxin-data'), (text) => resolve(defaults.cwd, text)),
    host: read('YINXIN_HOST', '127.0.0.1', parseHost),
    port: read('YINXIN_PORT', PORT_DEFAULT, (text) => parseInteger(text, 0, 65_535)),
    publicUrl: read<string | null>('YINXIN_PUBLIC_URL', null, parsePublicUrl),
    databaseUrl: read<string | null>('DATABASE_URL', null, parseDatabaseUrl),
    databasePoolSizeMax: read('YINXIN_DATABASE_POOL', POOL_SIZE_DEFAULT, (text) => parseInteger(text, 6, 500)),
    masterKey: read<string | null>('YINXIN_MASTER_KEY', null, parseMasterKey),
    egressAllowCidrs: read('YINXIN_EGRESS_ALLOW', [], parseCidrs),
    trustedProxies: read('YINXIN_TRUSTED_PROXIES', [], parseCidrs),
    logLevel: read<LogLevel>('YINXIN_LOG_LEVEL', 'info', (text) => oneOf(text, LOG_LEVELS)),
    trust: readTrustSettings(read),
    factorSource: read<Config['factorSource']>('YINXIN_FACTOR_SOURCE', 'declared', (text) =>
      oneOf(text, FACTOR_SOURCES),
    ),
    unprovenPerSecondPerAddressMax: read('YINXIN_ADDRESS_RATE', ADDRESS_RATE_DEFAULT, (text) =>
      parseInteger(text, 1, RATE_MAX),
    ),
    requestsPerSecondPerMemberMax: read('YINXIN_MEMBER_RATE', MEMBER_RATE_DEFAULT, (text) =>
      parseInteger(text, 1, RATE_MAX),
    ),
    relayRetentionDays: read('YINXIN_RELAY_RETENTION_DAYS', RETENTION_DAYS_DEFAULT, (text) =>
      parseInteger(text, 1, RETENTION_DAYS_MAX),
    ),
    relayContentDays: read<number | null>('YINXIN_RELAY_CONTENT_DAYS', null, (text) =>
      parseInteger(text, 1, RETENTION_DAYS_MAX),
    ),
    nodeName: read('YINXIN_NODE_NAME', defaults.nodeName, parseNodeName),
    messages: readMessageSettings(read, (variable, adapter) =>
      faults.push({ variable, message: `is needed with YINXIN_MESSAGE_ADAPTER=${adapter}` }),
    ),
    messageLanguage: read<Config['messageLanguage']>('YINXIN_MESSAGE_LANGUAGE', 'zh', (text) => oneOf(text, LANGUAGES)),
    signReadingSeconds: read('YINXIN_SIGN_READING_SECONDS', 0, (text) => parseInteger(text, 0, READING_SECONDS_MAX)),
    ...readLongTerm(read, faults),
    trustRoots: read<string | null>('YINXIN_TRUST_ROOTS', null, (text) => resolve(defaults.cwd, text)),
    verificationsPerSecondPerAddressMax: read('YINXIN_VERIFY_RATE', VERIFY_RATE_DEFAULT, (text) =>
      parseInteger(text, 1, RATE_MAX),
    ),
    traces: readTraces(read),
  };
  for (const variable of Object.keys(environment)) {
    if (variable.startsWith('YINXIN_') && !(variable in VARIABLES)) {
      faults.push({ variable, message: `is not known; known are ${Object.keys(VARIABLES).join(', ')}` });
    }
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return config;
}

type Read = <T>(variable: Variable, fallback: T, parse: (text: string) => T) => T;

/** A level that needs timestamps without anybody who gives them is a fault: nobody is to believe that he has it. */
function readLongTerm(read: Read, faults: ConfigFault[]): Pick<Config, 'signatureLevel' | 'timestampServices'> {
  const timestampServices = read<Config['timestampServices']>('YINXIN_TIMESTAMP_URLS', [], parseTimestampServices);
  const fallback = timestampServices.length > 0 ? 'B-T' : 'B-B';
  const variable = 'YINXIN_SIGNATURE_LEVEL';
  const signatureLevel = read<Config['signatureLevel']>(variable, fallback, (text) => oneOf(text, SIGNATURE_LEVELS));
  if (signatureLevel !== 'B-B' && timestampServices.length === 0) {
    faults.push({ variable, message: 'needs a timestamp service; name it in YINXIN_TIMESTAMP_URLS' });
  }
  return { signatureLevel, timestampServices };
}

/** The variables of the OpenTelemetry specification, as far as they are honoured. */
function readTraces(read: Read): Config['traces'] {
  const url = read<string | null>('OTEL_EXPORTER_OTLP_ENDPOINT', null, (text) => `${parsePublicUrl(text)}/v1/traces`);
  const headers = read('OTEL_EXPORTER_OTLP_HEADERS', {}, parseHeaders);
  const serviceName = read('OTEL_SERVICE_NAME', 'yinxin', (text) => text);
  return url === null ? null : { url, headers, serviceName };
}

function parseHeaders(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split(',').map((item) => {
      const [, name, value] = /^\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*([\x21-\x7e]*)\s*$/.exec(item) ?? [];
      if (name === undefined || value === undefined) throw new Error('must be name=value, separated by commas');
      return [name, decodeURIComponent(value)];
    }),
  );
}

/** The environment of this process. The one place that reads it. */
export function processEnvironment(): Environment {
  return process.env;
}

function parseInteger(text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) throw new Error(`must be a whole number from ${min} to ${max}`);
  return value;
}

function oneOf<T extends string>(text: string, allowed: readonly T[]): T {
  const found = allowed.find((item) => item === text);
  if (found === undefined) throw new Error(`must be one of ${allowed.join(', ')}`);
  return found;
}

function parseHost(text: string): string {
  if (isIP(text) === 0 && text !== 'localhost') throw new Error('must be an IP address, such as 127.0.0.1 or 0.0.0.0');
  return text;
}

function parsePublicUrl(text: string): string {
  const url = URL.parse(text);
  const whole =
    url !== null && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '' && url.username === '';
  if (!whole) throw new Error('must be an http or https URL without query, such as https://sign.example.com');
  return url.href.replace(/\/$/, '');
}

function parseDatabaseUrl(text: string): string {
  const protocol = URL.parse(text)?.protocol;
  if (protocol !== 'postgresql:' && protocol !== 'postgres:') {
    throw new Error('must be a URL such as postgresql://user:password@host:5432/database');
  }
  return text;
}

function parseMasterKey(text: string): string {
  const hex = /^[0-9a-f]{64}$/i.test(text);
  const base64 = /^[A-Za-z0-9+/]{43}=?$/.test(text);
  if (!hex && !base64) throw new Error('must be 32 bytes in Base64 (44 characters) or hex (64 characters)');
  return text;
}

function parseCidrs(text: string): string[] {
  return text
    .split(/[\s,]+/)
    .filter((item) => item !== '')
    .map((item) => {
      const cidr = canonicalCidr(item);
      if (cidr === undefined) throw new Error('must be CIDRs such as 10.0.0.0/8 or fd00::/8, separated by commas');
      return cidr;
    });
}

function parseNodeName(text: string): string {
  if (!/^[\w.:-]{1,64}$/.test(text)) throw new Error('must be 1 to 64 letters, digits, or . : _ -');
  return text;
}
