import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApps, type Apps } from '../../src/apps/index.ts';
import {
  createDirectoryFileStore,
  createDocuments,
  createPdfThreads,
  type Documents,
  createPageImages,
} from '../../src/documents/index.ts';
import type { Jobs } from '../../src/jobs/index.ts';
import { createNotify } from '../../src/notify/index.ts';
import { createParties } from '../../src/parties/index.ts';
import type { Clock } from '../../src/platform/clock.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { createEgress } from '../../src/platform/egress/index.ts';
import { createLog } from '../../src/platform/log.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createRelay, DEFAULT_LIMITS, type Relay } from '../../src/relay/index.ts';
import { createQuotas } from '../../src/quotas/index.ts';
import { createSeals, type Seals } from '../../src/seals/index.ts';
import {
  createSigning,
  type LongTerm,
  type Signing,
  type SigningDependencies,
  type SigningLimits,
} from '../../src/signing/index.ts';
import { createTrust, type KeyAlgorithm, type Trust } from '../../src/trust/index.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { createOutgoingMessages, type OutgoingMessages } from './outgoing-messages.ts';

/** A clock that stands until it is set. */
export interface StandingClock extends Clock {
  set(at: Date): void;
  pass(ms: number): void;
}

export function standingClock(at: Date): StandingClock {
  let now = at;
  return {
    now: () => now,
    set: (next) => void (now = next),
    pass: (ms) => void (now = new Date(now.getTime() + ms)),
  };
}

export interface SigningService {
  readonly database: TestDatabase;
  readonly documents: Documents;
  readonly trust: Trust;
  readonly relay: Relay;
  readonly apps: Apps;
  readonly signing: Signing;
  /** Another service over the same database, as a second node is. */
  another(jobs: Jobs, changed?: Partial<SigningDependencies>): Signing;
  readonly seals: Seals;
  readonly outgoing: OutgoingMessages;
  readonly appId: string;
  /** A company of the app and a member of it. */
  company(options?: {
    verified?: boolean;
    name?: string;
    memberName?: string;
    mobile?: string | null;
  }): Promise<{ etcOrgNo: string; etcMemberNo: string }>;
  close(): Promise<void>;
}

/** Signing with everything that it stands on, all of it real but the clock and, where the test says so, the jobs. */
export async function startSigningService(options: {
  clock: Clock;
  jobs: (database: TestDatabase) => Jobs;
  limits?: Partial<SigningLimits>;
  /** What signatures are to reach; B-B unless said otherwise. */
  longTerm?: (made: { trust: Trust; db: Database; clock: Clock }) => LongTerm;
  /** In place of one of its own. */
  database?: TestDatabase;
  keyAlgorithm?: KeyAlgorithm;
}): Promise<SigningService> {
  const { clock } = options;
  const database = options.database ?? (await createTestDatabase());
  const directory = await mkdtemp(join(tmpdir(), 'yinxin-files-'));
  const { db } = database;
  const log = createLog({ level: 'silent' });
  const vault = createVault(randomBytes(32));
  const egress = createEgress({ allowCidrs: ['127.0.0.0/8'] });
  const apps = createApps({ db, vault, clock });
  const parties = createParties({ db, vault, clock });
  const relay = createRelay({ db, egress, clock, vault, log, keys: apps, limits: DEFAULT_LIMITS, nodeName: 'test' });
  const documents = createDocuments({
    db,
    files: createDirectoryFileStore(directory),
    clock,
    baseUrl: 'http://files.test',
    fileUrlKey: vault.deriveKey('file-url'),
  });
  const pdf = createPdfThreads();
  const pageImages = createPageImages({ threadsMax: 1 });
  const outgoing = createOutgoingMessages({ db, clock, vault });
  const { keyAlgorithm = 'RSA-2048' } = options;
  const trust = createTrust({ db, vault, clock, egress, keyAlgorithm });
  const seals = createSeals({ clock });
  const common = {
    pdf,
    db,
    clock,
    vault,
    egress,
    parties,
    quotas: createQuotas({ db, clock, apps, parties }),
    log,
    seals,
    trust,
    notify: createNotify({ relay, apps, log }),
    apps,
    messages: outgoing.messages,
    pageImages,
    baseUrl: () => 'http://sign.test',
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.longTerm === undefined ? {} : { longTerm: options.longTerm({ trust, db, clock }) }),
  };
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const created = await apps.create({
    name: '测试应用',
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    actor: 'operator',
  });
  const { appId } = created.app;
  let companies = 0;

  return {
    database,
    documents,
    trust,
    relay,
    apps,
    seals,
    outgoing,
    appId,
    signing: createSigning({ ...common, documents, jobs: options.jobs(database) }),
    another: (jobs, changed = {}) => createSigning({ ...common, documents, jobs, ...changed }),
    async company({
      verified = true,
      name = '北京易楼房地产经纪有限公司',
      memberName = '张三',
      mobile = '13600136000',
    } = {}) {
      companies += 1;
      const actor = 'operator';
      const org = await parties.createOrg({
        appId,
        bizOrgNo: `org-${companies}`,
        orgType: '01',
        orgName: name,
        actor,
        details: {},
      });
      const { etcOrgNo } = org;
      if (verified) await parties.verifyOrg({ appId, etcOrgNo, reason: '营业执照已核对', actor });
      const member = await parties.createMember({
        appId,
        etcOrgNo,
        bizMemberNo: 'm1',
        memberName,
        mobile: mobile ?? undefined,
        actor,
      });
      return { etcOrgNo, etcMemberNo: member.etcMemberNo };
    },
    async close() {
      await pageImages.close();
      await pdf.close();
      await egress.close();
      await database.drop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
