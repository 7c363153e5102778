import { pino, type Logger } from 'pino';

export type { Logger };

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Keys that may hold a secret or a person's data wherever they stand in a logged object: their values never show. */
const HIDDEN_KEYS = [
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
];

export interface LogOptions {
  level: LogLevel;
  /** Append to this file in place of standard output. */
  file?: string;
  /** Hand each line to this in place of either. */
  write?: (line: string) => void;
}

/** One JSON line per event. Secrets and personal data under their usual names never show. */
export function createLog(options: LogOptions): Logger {
  const settings = {
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: HIDDEN_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: '[hidden]' },
  };
  const { write, file } = options;
  return pino(settings, write ? { write } : pino.destination({ dest: file ?? 1, sync: true }));
}
