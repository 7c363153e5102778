import { randomBytes, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { sql } from 'kysely';
import type { Finding } from '../dialects/admin/index.ts';
import type { Clock } from '../platform/clock.ts';
import { ConfigError } from '../platform/config.ts';
import type { Config } from '../platform/config.ts';
import type { Database, Executor } from '../platform/database/index.ts';
import type { Egress } from '../platform/egress/index.ts';
import type { Logger } from '../platform/log.ts';
import type { LongTerm } from '../signing/index.ts';
import {
  createTimestampAuthority,
  createTimestamps,
  httpTimestampService,
  type TimestampAuthority,
  type Timestamps,
  type TimestampService,
  type Trust,
} from '../trust/index.ts';

type Settings = Pick<Config, 'signatureLevel' | 'timestampServices'>;

/** What the configuration says of timestamps, made ready. */
export type TimestampWiring = {
  /** What signing reaches. */
  longTerm: LongTerm;
  /** Null where no service is configured. */
  timestamps: Timestamps | null;
  /** The built-in service; null unless the configuration names it. */
  authority: TimestampAuthority | null;
};

/** @throws ConfigError where a file of roots cannot be read */
export async function createLongTerm(
  { signatureLevel, timestampServices }: Settings,
  {
    db,
    trust,
    egress,
    clock,
    log,
  }: {
    db: Database;
    trust: Pick<Trust, 'timestampIdentity'>;
    egress: Pick<Egress, 'request'>;
    clock: Clock;
    log: Logger;
  },
): Promise<TimestampWiring> {
  if (timestampServices.length === 0) return { longTerm: { level: 'B-B' }, timestamps: null, authority: null };
  const identity = () => trust.timestampIdentity(db);
  const onError = (error: unknown) => log.error({ err: error }, 'the built-in timestamp service failed');
  const authority = createTimestampAuthority({ identity, clock, randomBytes, onFailure: onError });
  const services: TimestampService[] = [];
  for (const setting of timestampServices) {
    if (setting.kind === 'built-in') {
      services.push({
        name: 'built-in',
        builtIn: true,
        request: (query) => authority.respond(query),
        roots: async () => (await identity()).chain.slice(-1),
        policy: undefined,
      });
      continue;
    }
    const { url, basicAuth, rootsFile, policy } = setting;
    services.push(
      httpTimestampService(egress, {
        url,
        ...(basicAuth !== null && { basicAuth }),
        ...(rootsFile !== null && { roots: await readRoots(rootsFile) }),
        ...(policy !== null && { policy }),
      }),
    );
  }
  const onFailure = (service: string, reason: string) =>
    log.warn({ service, reason }, 'a timestamp service gave no timestamp');
  const timestamps = createTimestamps({ services, clock, randomBytes, onFailure });
  return {
    longTerm: signatureLevel === 'B-B' ? { level: 'B-B' } : { level: signatureLevel, timestamps },
    timestamps,
    authority: timestampServices.some(({ kind }) => kind === 'built-in') ? authority : null,
  };
}

async function readRoots(file: string): Promise<Buffer[]> {
  try {
    const text = await readFile(file, 'utf8');
    const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    if (blocks.length === 0) throw new Error('it holds no PEM certificate');
    return blocks.map((block) => new X509Certificate(block).raw);
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unreadable';
    throw new ConfigError([{ variable: 'YINXIN_TIMESTAMP_URLS', message: `roots in ${file}: ${reason}` }]);
  }
}

const OVERDUE_SECONDS_MAX = 3_600;

/** What level signatures reach, by whose timestamps, and how many have not reached it yet. */
export async function signatureLevelFinding(
  { signatureLevel, timestampServices }: Settings,
  db: Executor,
): Promise<Finding> {
  const name = 'signature level';
  const { rows } = await sql<{ waiting: number; oldest: number; renewals: number; failure: string | null }>`
    select count(*) filter (where not renewal)::int as waiting,
           coalesce(max(extract(epoch from now() - created_at)) filter (where not renewal), 0)::float8 as oldest,
           count(*) filter (where renewal)::int as renewals,
           max(failure) filter (where due_at = (select max(due_at) from signature_upgrade where failure is not null))
             as failure
    from signature_upgrade
  `.execute(db);
  const { waiting = 0, oldest = 0, renewals = 0, failure = null } = rows[0] ?? {};
  const queue =
    waiting === 0
      ? 'no flow waits for it'
      : `${waiting} flows wait for it, the longest for ${Math.round(oldest / 60)} minutes${failure === null ? '' : ` (${failure})`}`;
  if (timestampServices.length === 0) {
    const advice = 'for B-T and more set YINXIN_TIMESTAMP_URLS';
    return { name, ok: waiting === 0, detail: `B-B: no timestamp service is configured; ${advice}; ${queue}` };
  }
  const services = timestampServices.map((setting) =>
    setting.kind === 'built-in'
      ? 'built-in (for development: it proves no more than the clock of this machine)'
      : `${new URL(setting.url).host}${setting.rootsFile === null ? ' (its roots are not pinned)' : ''}`,
  );
  const renewed = renewals === 0 ? '' : `; ${renewals} timestamps will be renewed in time`;
  return {
    name,
    ok: oldest <= OVERDUE_SECONDS_MAX,
    detail: `${signatureLevel} by ${services.join(', ')}; ${queue}${renewed}`,
  };
}
