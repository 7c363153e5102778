import type { Apps } from '../apps/index.ts';
import type { Documents, PageImages, PdfWork } from '../documents/index.ts';
import type { Jobs } from '../jobs/index.ts';
import type { Messages } from '../messages/index.ts';
import type { Notify } from '../notify/index.ts';
import type { Parties } from '../parties/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/index.ts';
import type { Egress } from '../platform/egress/index.ts';
import type { Logger } from '../platform/log.ts';
import type { Vault } from '../platform/vault.ts';
import type { Quotas } from '../quotas/index.ts';
import type { Seals } from '../seals/index.ts';
import type { Trust } from '../trust/index.ts';
import type { PageSizes } from './page-sizes.ts';
import type { LongTerm } from './signature-level.ts';

/** Limits of signing, each with its unit. */
export interface SigningLimits {
  readonly fileBytesMax: number;
  /** A revision is longer than the file it came from; with all its signatures it may have this many bytes. */
  readonly revisionBytesMax: number;
  readonly fetchTimeoutMs: number;
  /** Tries at fetching a file and making its flow, the first included. */
  readonly openAttemptsMax: number;
  readonly signersMax: number;
  /** Fields of one flow, all signers together. */
  readonly fieldsMax: number;
  /** Positions of one field, the date's included. */
  readonly positionsMax: number;
  /** Signatures of one flow: a field makes one on each page on which it stands. */
  readonly signaturesMax: number;
  /** Work that nobody touched for this long is taken up again by the sweep; longer than a fetch takes. */
  readonly idleMs: number;
  /** A node that says nothing for so long of an upgrade is dead, and another takes it on; longer than any service takes. */
  readonly upgradeLeaseMs: number;
  /** How often each node sweeps. */
  readonly sweepEveryMs: number;
  /** Flows and requests that one sweep takes up at most. */
  readonly sweepRowsMax: number;
}

export const SIGNING_LIMITS: SigningLimits = {
  fileBytesMax: 50 * 1024 * 1024,
  revisionBytesMax: 100 * 1024 * 1024,
  fetchTimeoutMs: 60_000,
  openAttemptsMax: 4,
  signersMax: 50,
  fieldsMax: 200,
  positionsMax: 200,
  signaturesMax: 2_000,
  idleMs: 5 * 60_000,
  upgradeLeaseMs: 5 * 60_000,
  sweepEveryMs: 30_000,
  sweepRowsMax: 500,
};

/** Everything that signing is made of; the composition root hands it in. */
export interface SigningDependencies {
  readonly db: Database;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly egress: Egress;
  readonly jobs: Jobs;
  readonly documents: Documents;
  /** Reads and signs files, on threads of its own. */
  readonly pdf: Pick<PdfWork, 'sign' | 'rehearse' | 'check' | 'upgrades'>;
  readonly seals: Seals;
  readonly trust: Trust;
  readonly parties: Parties;
  readonly notify: Notify;
  readonly quotas: Pick<Quotas, 'take' | 'giveBack'>;
  readonly apps: Pick<Apps, 'find'>;
  readonly messages: Messages;
  readonly pageImages: PageImages;
  /** Where signers reach this service. */
  readonly baseUrl: () => string;
  /** For how long a document must be open before it can be signed; 0 is the default. */
  readonly readingSeconds?: number;
  readonly log: Logger;
  /** B-B unless said otherwise. */
  readonly longTerm?: LongTerm;
  readonly limits?: Partial<SigningLimits>;
}

export interface SigningContext extends Omit<SigningDependencies, 'limits' | 'longTerm'> {
  readonly longTerm: LongTerm;
  /** What a revision may have in bytes: `revisionBytesMax`, and room for timestamps where there are any. */
  readonly signedBytesMax: number;
  readonly limits: SigningLimits;
  readonly pageSizes: PageSizes;
}

/** The jobs of signing, by name. */
export const JOB = {
  open: 'signing.open',
  advance: 'signing.advance',
  expire: 'signing.expire',
  upgrade: 'signing.upgrade',
} as const;
