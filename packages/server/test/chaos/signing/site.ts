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
import { systemClock } from '../../../src/platform/clock.ts';
import { openDatabase, type OpenDatabase } from '../../../src/platform/database/index.ts';
import { createEgress } from '../../../src/platform/egress/index.ts';
import { createLog } from '../../../src/platform/log.ts';
import { createVault } from '../../../src/platform/vault.ts';
import { createQuotas } from '../../../src/quotas/index.ts';
import { createRelay, DEFAULT_LIMITS } from '../../../src/relay/index.ts';
import { createSeals } from '../../../src/seals/index.ts';
import { createSigning, type Signing, type SigningDependencies } from '../../../src/signing/index.ts';
import { createTrust, type DocumentSigner } from '../../../src/trust/index.ts';
import type { Step } from './steps.ts';

/** What all nodes of a site have in common. It is handed to a process as JSON. */
export interface SiteTerms {
  readonly databaseUrl: string;
  /** Where stored files are. */
  readonly folder: string;
  /** In hexadecimal. */
  readonly masterKey: string;
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
export type OnStep = (step: Step) => void;

const JOBS_AT_ONCE = 2;
const JOBS_POLL_MS = 50;
/** Work of a node that was killed is taken up again after so long: far shorter than a service's own. */
const LIMITS = { idleMs: 600, sweepEveryMs: 150 };

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
    trust: createTrust({ db, vault, clock, keyAlgorithm: 'P-256' }),
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

/** The same parts, each of which tells when signing comes to it and when it leaves it. */
function stepByStep(parts: SigningDependencies, onStep: OnStep): SigningDependencies {
  const { jobs, egress, documents, pdf, trust, notify } = parts;
  /** Tells of a step before a call, and of another after it. */
  const around = <Arguments extends unknown[], Answer>(
    call: (...given: Arguments) => Promise<Answer>,
    before: Step,
    after: Step,
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
      handle: (name, handler) => jobs.handle(name, around(handler, 'job-begins', 'job-is-done')),
    },
    egress: { ...egress, request: around(egress.request, 'fetch-begins', 'file-is-fetched') },
    documents: {
      ...documents,
      readUncheckedFile: around(documents.readUncheckedFile, 'file-is-opened', 'file-is-read'),
      storeFile: around(documents.storeFile, 'store-begins', 'file-is-stored'),
      discardFile: around(documents.discardFile, 'discard-begins', 'file-is-discarded'),
    },
    pdf: {
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
    },
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
