import { randomBytes } from 'node:crypto';
import { createApps } from '../../../src/apps/index.ts';
import {
  createDirectoryFileStore,
  createDocuments,
  createPageImages,
  createPdfThreads,
  type Documents,
} from '../../../src/documents/index.ts';
import { createJobs, type Jobs } from '../../../src/jobs/index.ts';
import { createMessages, type MessageAdapter, type OutgoingMessage } from '../../../src/messages/index.ts';
import { createNotify } from '../../../src/notify/index.ts';
import { createParties, type Parties } from '../../../src/parties/index.ts';
import { systemClock, type Clock } from '../../../src/platform/clock.ts';
import { openDatabase, type Database, type OpenDatabase } from '../../../src/platform/database/index.ts';
import { createEgress } from '../../../src/platform/egress/index.ts';
import { createLog } from '../../../src/platform/log.ts';
import { createVault } from '../../../src/platform/vault.ts';
import { createQuotas } from '../../../src/quotas/index.ts';
import { createRelay, DEFAULT_LIMITS } from '../../../src/relay/index.ts';
import { createSeals } from '../../../src/seals/index.ts';
import { createSigning, type Signing, type SigningDependencies } from '../../../src/signing/index.ts';
import {
  createTimestampAuthority,
  createTimestamps,
  createTrust,
  type DocumentSigner,
  type Timestamps,
  type Trust,
} from '../../../src/trust/index.ts';
import type { NodeStep } from './steps.ts';

/** What all nodes of a site have in common. It is handed to a process as JSON. */
export interface SiteTerms {
  readonly databaseUrl: string;
  /** Where stored files are. */
  readonly folder: string;
  /** In hexadecimal. */
  readonly masterKey: string;
  /** What signatures are to reach, by timestamps of each node's own; B-B unless said otherwise. */
  readonly level?: 'B-T' | 'B-LT' | 'B-LTA';
}

/** One node of a service that signs. */
export interface SigningSite {
  readonly database: OpenDatabase;
  readonly jobs: Jobs;
  readonly signing: Signing;
  readonly documents: Documents;
  readonly parties: Parties;
  readonly apps: ReturnType<typeof createApps>;
  /** Messages to people that this node has delivered, the oldest first. */
  readonly sent: readonly OutgoingMessage[];
  close(): Promise<void>;
}

/** Called at each step that the node comes to. */
export type OnStep = (step: NodeStep) => void;

const JOBS_AT_ONCE = 2;
const JOBS_POLL_MS = 50;
/** Work of a node that was killed is taken up again after so long: far shorter than a service's own. */
const LIMITS = { idleMs: 600, upgradeLeaseMs: 600, sweepEveryMs: 150 };

/**
 * Signing with everything that it stands on, all of it real, but that it tells of each step that it comes to. Its jobs
 * run once they are started.
 */
export async function openSigningSite(terms: SiteTerms, name: string, onStep: OnStep): Promise<SigningSite> {
  const database = await openDatabase({ url: terms.databaseUrl, poolSizeMax: 8, applicationName: name });
  const { db, pool } = database;
  const clock = systemClock;
  const log = createLog({ level: 'silent' });
  const vault = createVault(Buffer.from(terms.masterKey, 'hex'));
  const egress = createEgress({ allowCidrs: ['127.0.0.0/8'] });
  const apps = createApps({ db, vault, clock });
  const parties = createParties({ db, vault, clock });
  const relay = createRelay({ db, egress, clock, vault, log, keys: apps, limits: DEFAULT_LIMITS, nodeName: name });
  const documents = createDocuments({
    db,
    files: createDirectoryFileStore(terms.folder),
    clock,
    baseUrl: 'http://files.test',
    fileUrlKey: vault.deriveKey('file-url'),
  });
  const pdf = createPdfThreads({ threads: 1 });
  const pageImages = createPageImages({ threadsMax: 1 });
  const jobs = createJobs({ pool, log, concurrency: JOBS_AT_ONCE, pollIntervalMs: JOBS_POLL_MS });
  const sent: OutgoingMessage[] = [];
  const adapter: MessageAdapter = {
    name: 'webhook',
    reaches: ({ mobile }) => mobile !== undefined,
    send(message) {
      sent.push(message);
      return Promise.resolve({ kind: 'taken', reference: null });
    },
  };
  const trust = createTrust({ db, vault, clock, keyAlgorithm: 'P-256' });
  const dependencies: SigningDependencies = {
    db,
    clock,
    vault,
    egress,
    jobs,
    documents,
    pdf,
    parties,
    apps,
    log,
    quotas: createQuotas({ db, clock, apps, parties }),
    seals: createSeals({ clock }),
    trust,
    ...(terms.level !== undefined && { longTerm: { level: terms.level, timestamps: timestampsOf(trust, db, clock) } }),
    notify: createNotify({ relay, apps, log }),
    messages: createMessages({ db, clock, vault, jobs, adapter, log }),
    pageImages,
    baseUrl: () => 'http://sign.test',
    limits: LIMITS,
  };
  return {
    database,
    jobs,
    documents,
    parties,
    apps,
    sent,
    signing: createSigning(stepByStep(dependencies, onStep)),
    async close() {
      await jobs.stop();
      await pdf.close();
      await pageImages.close();
      await egress.close();
      await database.close();
    },
  };
}

function timestampsOf(trust: Trust, db: Database, clock: Clock): Timestamps {
  const identity = () => trust.timestampIdentity(db);
  const authority = createTimestampAuthority({ identity, clock, randomBytes });
  const request = (query: Buffer) => authority.respond(query);
  const service = { name: 'own', builtIn: true, request, roots: undefined, policy: undefined };
  return createTimestamps({ services: [service], clock, randomBytes });
}

/** The same parts, each of which tells when signing comes to it and when it leaves it. */
function stepByStep(parts: SigningDependencies, onStep: OnStep): SigningDependencies {
  const { jobs, egress, documents, pdf, trust, notify, longTerm } = parts;
  /** Tells of a step before a call, and of another after it. */
  const around = <Arguments extends unknown[], Answer>(
    call: (...given: Arguments) => Promise<Answer>,
    before: NodeStep,
    after: NodeStep,
  ) => {
    return async (...given: Arguments): Promise<Answer> => {
      onStep(before);
      const answer = await call(...given);
      onStep(after);
      return answer;
    };
  };
  const telling = (signer: DocumentSigner): DocumentSigner => ({
    ...signer,
    signDetached: around(signer.signDetached, 'key-is-asked', 'key-has-signed'),
  });
  return {
    ...parts,
    jobs: {
      ...jobs,
      handle: (name, handler) =>
        jobs.handle(
          name,
          name === 'signing.upgrade'
            ? around(handler, 'upgrade-begins', 'upgrade-is-done')
            : around(handler, 'job-begins', 'job-is-done'),
        ),
    },
    egress: { ...egress, request: around(egress.request, 'fetch-begins', 'file-is-fetched') },
    documents: {
      ...documents,
      readFile: around(documents.readFile, 'file-is-opened', 'file-is-read'),
      readUncheckedFile: around(documents.readUncheckedFile, 'file-is-opened', 'file-is-read'),
      storeFile: around(documents.storeFile, 'store-begins', 'file-is-stored'),
      discardFile: around(documents.discardFile, 'discard-begins', 'file-is-discarded'),
    },
    pdf: {
      ...pdf,
      rehearse: around(
        (job) => pdf.rehearse({ ...job, place: around(job.place, 'places-are-sought', 'places-are-found') }),
        'rehearsal-begins',
        'file-is-rehearsed',
      ),
      sign: around((job) => pdf.sign(job), 'signing-begins', 'file-is-signed'),
    },
    trust: {
      ...trust,
      companySigner: async (executor, company) => telling(await trust.companySigner(executor, company)),
      personSigner: async (executor, person) => telling(await trust.personSigner(executor, person)),
      revocationEvidence: around(trust.revocationEvidence.bind(trust), 'evidence-is-asked', 'evidence-is-given'),
    },
    ...(longTerm !== undefined &&
      longTerm.level !== 'B-B' && {
        longTerm: {
          ...longTerm,
          timestamps: {
            ...longTerm.timestamps,
            timestamp: around(longTerm.timestamps.timestamp, 'timestamp-is-asked', 'timestamp-is-given'),
          },
        },
      }),
    notify: {
      ...notify,
      forApp: async (...given) => {
        const app = await notify.forApp(...given);
        return {
          ...app,
          flowCreated: around(app.flowCreated, 'creation-is-told', 'creation-waits-for-commit'),
          flowEnded: around(app.flowEnded, 'end-is-told', 'end-waits-for-commit'),
        };
      },
    },
  };
}
