import { randomBytes, X509Certificate } from 'node:crypto';
import { sql } from 'kysely';
import { expect } from 'vitest';
import { readSignatures } from '../../src/documents/index.ts';
import type { Signing } from '../../src/signing/index.ts';
import {
  createTimestampAuthority,
  createTimestamps,
  isTimestamped,
  type KeyAlgorithm,
  type Timestamps,
} from '../../src/trust/index.ts';
import { withoutPadding } from '../../src/trust/timestamp/cms-attribute.ts';
import { createValidation } from '../../src/validation/index.ts';
import { opensslTimestampVerify } from './long-term.ts';
import type { ManualJobs } from './manual-jobs.ts';
import { extractSignatures, opensslVerify, qpdfCheck } from './signed-pdf.ts';
import { pdfsig, silentField, startSigningFixture, type SigningFixture } from './signing-fixture.ts';

export const PDF_LIMITS = { bytesMax: 50_000_000 };

interface QueuedUpgrade {
  goal: string;
  renewal: boolean;
  failure: string | null;
  due_at: Date;
  attempts: number;
}

/** Signing with a timestamp service that is up or down as the test says. */
export interface UpgradeWorld {
  readonly fixture: SigningFixture;
  readonly timestamps: Timestamps;
  /** Whether the timestamp service answers. */
  isUp: boolean;
  /** Called before each answer of the timestamp service. */
  beforeAnswer: () => Promise<void>;
  queue(): Promise<QueuedUpgrade[]>;
  /** Of the flow's fields, signed ones first. */
  levels(flowId: string): Promise<(string | null)[]>;
  fileCount(): Promise<number>;
  /** Lets `ms` pass, and then does what the jobs of a node do. */
  later(ms: number, node?: { signing: Signing; jobs: ManualJobs }): Promise<void>;
}

/** @param given in place of the built-in service */
export async function startUpgradeWorld(
  level: 'B-T' | 'B-LT' | 'B-LTA',
  given?: Timestamps,
  keyAlgorithm: KeyAlgorithm = 'RSA-2048',
): Promise<UpgradeWorld> {
  let timestamps = given;
  const fixture = await startSigningFixture(
    {},
    {
      keyAlgorithm,
      longTerm: ({ trust, db, clock }) => {
        const identity = () => trust.timestampIdentity(db);
        const authority = createTimestampAuthority({ identity, clock, randomBytes });
        const service = {
          name: 'test',
          builtIn: true,
          policy: undefined,
          roots: async () => (await identity()).chain.slice(-1),
          async request(query: Buffer) {
            await world.beforeAnswer();
            if (!world.isUp) throw new Error('is down');
            return authority.respond(query);
          },
        };
        timestamps ??= createTimestamps({ services: [service], clock, randomBytes });
        return { level, timestamps };
      },
    },
  );
  const { db } = fixture.service.database;
  const world: UpgradeWorld = {
    fixture,
    timestamps: timestamps!,
    isUp: true,
    beforeAnswer: async () => {},
    async queue() {
      const { rows } = await sql<QueuedUpgrade>`
        select goal, renewal, failure, due_at, attempts from signature_upgrade
      `.execute(db);
      return rows;
    },
    async levels(flowId) {
      const { rows } = await sql<{ signature_level: string | null }>`
        select signature_level from sign_field where flow_id = ${flowId} order by state, position
      `.execute(db);
      return rows.map((row) => row.signature_level);
    },
    async fileCount() {
      const { rows } = await sql<{ count: number }>`select count(*)::int as count from document_file`.execute(db);
      return rows[0]!.count;
    },
    async later(ms, { signing, jobs } = { signing: fixture.service.signing, jobs: fixture.jobs }) {
      fixture.clock.pass(ms);
      await signing.sweep();
      expect(await jobs.run(fixture.clock.now())).toEqual([]);
    },
  };
  return world;
}

/**
 * What our own validation reads from the file alone, trusting the built-in root: the level of each signature, where all of
 * it is valid and nothing happened to it but what is allowed.
 */
export async function levelsInFile({ fixture }: UpgradeWorld, pdf: Buffer): Promise<(string | null)[]> {
  const root = new X509Certificate(await fixture.service.trust.rootCertificatePem());
  const anchors = async () => [{ der: new Uint8Array(root.raw), source: 'built_in' as const }];
  const validation = createValidation({ clock: fixture.clock, anchors });
  try {
    const report = await validation.validate(new Uint8Array(pdf));
    expect(report.signatures.flatMap(({ problems }) => problems.map(({ code }) => code))).toEqual([]);
    expect(['valid', 'valid_with_changes']).toContain(report.verdict);
    return report.signatures.filter(({ kind }) => kind === 'signature').map(({ level }) => level);
  } finally {
    await validation.close();
  }
}

/** A silent field with a seal on each of two pages: two signatures. */
export function twoPages() {
  return silentField({
    placement: {
      kind: 'page',
      positions: [
        { page: 1, x: 300, y: 200 },
        { page: 3, x: 420, y: 150 },
      ],
    },
  });
}

/** By pdfsig, openssl and qpdf: every signature and every timestamp of a file. Answers what it holds, in order. */
export async function soundContents({ fixture }: UpgradeWorld, pdf: Buffer): Promise<string[]> {
  const check = await qpdfCheck(pdf);
  expect(check.status, check.text).toBe(0);
  const rootPem = await fixture.service.trust.rootCertificatePem();
  const found = readSignatures(pdf, PDF_LIMITS);
  const extracted = extractSignatures(pdf);
  expect(extracted).toHaveLength(found.length);
  const contents: string[] = [];
  for (const [index, { kind, contents: bytes }] of found.entries()) {
    const { content } = extracted[index]!;
    if (kind === 'timestamp') {
      await opensslTimestampVerify(content, withoutPadding(bytes), rootPem, fixture.clock.now());
      contents.push('timestamp');
    } else {
      expect(await opensslVerify(extracted[index]!, rootPem)).toContain('CAdES Verification successful');
      contents.push(isTimestamped(bytes) ? 'stamped' : 'plain');
    }
  }
  const signatures = contents.filter((each) => each !== 'timestamp').length;
  expect((await pdfsig(fixture.directory, pdf)).valid).toBe(signatures);
  return contents;
}
