import { pino, type Logger } from 'pino';

export type { Logger };

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Keys that may hold a secret or a person's data wherever they stand in a logged object: their values never show. */
const HIDDEN_KEYS = new Set([
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
]);

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
    formatters: { level: (label: string) => ({ level: label }), log: hideSecrets, bindings: hideSecrets },
    serializers: { err: (error: Error) => hideSecrets(pino.stdSerializers.err(error), OF_AN_ERROR) },
  };
  const { write, file } = options;
  return pino(settings, write ? { write } : pino.destination({ dest: file ?? 1, sync: true }));
}

const DEPTH_MAX = 3;
/** Errors gather others in a list: two levels more. */
const OF_AN_ERROR = -1;

/**
 * The object without what its keys call secret, down to the third level. What holds nothing secret is not copied: a line
 * per delivery attempt costs a look at its keys and no more.
 */
function hideSecrets<T extends object>(value: T, depth = 1): T {
  let copy: Record<string, unknown> | undefined;
  for (const [key, inner] of Object.entries(value)) {
    let shown: unknown = inner;
    if (HIDDEN_KEYS.has(key)) shown = '[hidden]';
    // An error under this name is written out by its serializer, and looked through after that.
    else if (key === 'err' && inner instanceof Error) continue;
    else if (depth < DEPTH_MAX && hasMembers(inner)) shown = hideSecrets(inner, depth + 1);
    if (shown === inner) continue;
    copy ??= (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>;
    copy[key] = shown;
  }
  return (copy ?? value) as T;
}

/** What a line shows member by member. Dates, buffers and the like say themselves how they are shown. */
function hasMembers(value: unknown): value is object {
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return false;
  return !('toJSON' in value);
}
