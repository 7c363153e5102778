import { appendAudit } from '../audit/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Transaction } from '../platform/database/index.ts';
import type { Egress } from '../platform/egress/index.ts';
import { DomainError } from '../platform/errors.ts';
import type { Vault } from '../platform/vault.ts';
import { applyChange, checkName } from './callee-change.ts';
import { changeCredentials } from './callee-credentials-change.ts';
import { viewCredentials, type CalleeCredentials } from './callee-credentials.ts';
import { sealCalleeSecret, type CalleeSecret } from './callee-keys.ts';
import { rotateSecret } from './callee-rotation.ts';
import {
  addCalleeUrl,
  findCallee,
  findCallees,
  findCalleeUrls,
  lockCallee,
  writeCallee,
  type StoredCallee,
} from './callee-store.ts';
import {
  calleeInvalid,
  type Callee,
  type CalleeChange,
  type CalleeName,
  type CalleeUrl,
  type RotatedSecret,
  type SecretRotation,
} from './callee.ts';
import { replayLane } from './claim-store.ts';
import { laneOfCallee, type LaneName } from './lane.ts';
import type { RelayErrorCode, RelayLimits } from './relay.ts';
import { isWebhookSecret } from './standard-webhooks.ts';

/** Registered destinations, as an operator handles them. */
export interface CalleeCommands {
  /** Makes or changes a destination; what `change` leaves out stays. Throws `callee_invalid`. Audited. */
  setCallee(change: CalleeChange): Promise<Callee>;
  /** Makes one of its keys anew. Throws `callee_not_found`, `callee_invalid`. Audited. */
  rotateCalleeSecret(rotation: SecretRotation): Promise<RotatedSecret>;
  /** Without `appId`, every application's. Ordered by application and number. */
  listCallees(appId?: string): Promise<readonly Callee[]>;
  showCallee(appId: string, calleeNo: string): Promise<Callee | null>;
  /** Every URL it has had, the newest first. Throws `callee_not_found`. */
  listCalleeUrls(appId: string, calleeNo: string): Promise<readonly CalleeUrl[]>;
}

export interface CalleeDependencies {
  readonly db: Database;
  readonly egress: Pick<Egress, 'checkUrl'>;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly limits: Pick<RelayLimits, 'attemptTimeoutMs'>;
  /** Tells the dispatchers of every node, once the transaction commits, that these lanes are not as they were. */
  readonly notify: (tx: Transaction, lanes: readonly LaneName[]) => Promise<void>;
  /** The same for this node, after the commit. */
  readonly wake: (lane: LaneName) => void;
}

export function createCalleeCommands(dependencies: CalleeDependencies): CalleeCommands {
  const { db, clock, vault, notify, wake } = dependencies;
  const view = (stored: StoredCallee): Callee => viewCallee(stored, clock.now());

  /** One change of a destination in a transaction of its own, apart from any other of the same. */
  async function change<Written>(name: CalleeName, work: (tx: Transaction) => Promise<Written>): Promise<Written> {
    const written = await db.transaction().execute(async (tx) => {
      await lockCallee(tx, name);
      const result = await work(tx);
      await notify(tx, [laneOfCallee(name)]);
      return result;
    });
    wake(laneOfCallee(name));
    return written;
  }

  return {
    setCallee: async (asked) => view(await change(asked, (tx) => setCallee(dependencies, tx, asked))),

    async rotateCalleeSecret(asked) {
      checkName(asked);
      const { appId, calleeNo, kind, actor } = asked;
      return change(asked, async (tx) => {
        const at = clock.now();
        const stored = await findCallee(tx, asked);
        if (stored === null) throw notFound(asked);
        const seal = (what: CalleeSecret, secret: string): string => sealCalleeSecret(vault, asked, what, secret);
        const { webhookSecret, until, ...secrets } = await rotateSecret(stored, asked, { at, seal });
        const written = await writeCallee(tx, { ...stored, ...secrets, at });
        const detail = { kind, previousUntil: until?.toISOString() ?? null };
        await appendAudit(tx, {
          appId,
          actor,
          action: 'callee.rotate_secret',
          subject: `callee:${calleeNo}`,
          detail,
          at,
        });
        return { callee: view(written), webhookSecret };
      });
    },

    listCallees: async (appId) => (await findCallees(db, appId)).map(view),

    async showCallee(appId, calleeNo) {
      const stored = await findCallee(db, { appId, calleeNo });
      return stored === null ? null : view(stored);
    },

    async listCalleeUrls(appId, calleeNo) {
      const urls = await findCalleeUrls(db, { appId, calleeNo });
      if (urls.length === 0) throw notFound({ appId, calleeNo });
      return urls;
    },
  };
}

async function setCallee(
  { egress, clock, vault, limits }: CalleeDependencies,
  tx: Transaction,
  change: CalleeChange,
): Promise<StoredCallee> {
  const at = clock.now();
  const { appId, calleeNo, actor, webhookSecret } = change;
  checkName(change);
  const stored = await findCallee(tx, change);
  const settings = applyChange(stored, change, limits);
  if (typeof webhookSecret === 'string' && !isWebhookSecret(webhookSecret)) {
    throw calleeInvalid('webhook_secret', 'whsec_ and the Base64 of 24 to 64 bytes');
  }
  const seal = (what: CalleeSecret, secret: string): string => sealCalleeSecret(vault, change, what, secret);
  const credentials = changeCredentials(stored?.credentials ?? null, change, { at, seal });
  checkAddress(egress, settings.url, credentials);
  const isNewUrl = settings.url !== stored?.url;
  const urlVersion = (stored?.urlVersion ?? 0) + (isNewUrl ? 1 : 0);
  const secretStands = webhookSecret === undefined ? (stored?.webhookSecretSealed ?? null) : webhookSecret;
  const webhookSecretSealed = typeof webhookSecret === 'string' ? seal('webhook_secret', webhookSecret) : secretStands;
  const written = await writeCallee(tx, {
    ...settings,
    appId,
    calleeNo,
    urlVersion,
    webhookSecretSealed,
    credentials,
    at,
  });
  // What it was parked for is over: everything goes out in the order of acceptance, as after a circuit.
  if (stored?.enabled === false && settings.enabled) await replayLane(tx, laneOfCallee(change));
  if (isNewUrl) await addCalleeUrl(tx, change, { version: urlVersion, url: settings.url, setBy: actor, setAt: at });
  // The path and query of a URL may hold what is the destination's secret; the host says enough.
  const { url, ...plain } = settings;
  const keys = changedKeys(change);
  const detail = {
    ...plain,
    host: new URL(url).host,
    urlVersion,
    ...(keys.length > 0 && { keysChanged: keys }),
  };
  await appendAudit(tx, { appId, actor, action: 'callee.set', subject: `callee:${calleeNo}`, detail, at });
  return written;
}

/** @throws DomainError callee_invalid */
function checkAddress(egress: Pick<Egress, 'checkUrl'>, url: string, credentials: CalleeCredentials | null): void {
  const check = egress.checkUrl(url);
  if (!check.ok) throw calleeInvalid('url', `a URL the relay may reach: ${check.reason}`);
  const needsTls = credentials?.client !== undefined || credentials?.authority !== undefined;
  if (needsTls && check.url.protocol !== 'https:') {
    throw calleeInvalid('url', 'an https URL: the destination has a client certificate or an authority of its own');
  }
}

const KEYS = [
  'webhookSecret',
  'ed25519',
  'bodyPrivateKeyPem',
  'clientCertificate',
  'authorityPem',
  'encryption',
] as const satisfies readonly (keyof CalleeChange)[];

function changedKeys(change: CalleeChange): string[] {
  return KEYS.filter((key) => change[key] !== undefined);
}

function viewCallee(stored: StoredCallee, at: Date): Callee {
  const { webhookSecretSealed, credentials, ...callee } = stored;
  return {
    ...callee,
    hasOwnSecret: webhookSecretSealed !== null,
    credentials: viewCredentials(credentials, at),
  };
}

function notFound({ appId, calleeNo }: CalleeName): DomainError<RelayErrorCode> {
  return new DomainError('callee_not_found', { appId, calleeNo });
}
