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

/**
 * One JSON line per event on standard output, or readable short lines where a person watches (`pretty`).
 * `write` is for tests.
 */
export function createLog(options: { level: LogLevel; write?: (line: string) => void }): Logger {
  const settings = {
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: HIDDEN_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: '[hidden]' },
  };
  const { write } = options;
  return write ? pino(settings, { write }) : pino(settings, pino.destination({ fd: 1, sync: true }));
}
