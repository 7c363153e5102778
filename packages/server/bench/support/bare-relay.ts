import type { CallbackDependencies } from '../../src/dialects/etc/callback.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { uuidV7 } from '../../src/platform/ids.ts';
import { makeAttempt, type AttemptDependencies } from '../../src/relay/attempt.ts';
import { findDestinations } from '../../src/relay/callee-store.ts';
import type { Destination } from '../../src/relay/destination.ts';
import type { AcceptedMessage, RelayKeys } from '../../src/relay/index.ts';
import { PROFILES } from '../../src/relay/profiles.ts';
import { afterAttempt, drawJitter } from '../../src/relay/retry-policy.ts';

export interface BareRelayDependencies extends AttemptDependencies {
  /** Where destinations are read once. */
  readonly db: Database;
}

const LEASE_MS = 45_000;

/**
 * A relay with its storage off: the message is sent once by the very code that the real one sends with, judged and logged
 * as there, and forgotten. Destinations and keys are read once and held in memory.
 */
export function createBareRelay(dependencies: BareRelayDependencies): CallbackDependencies['relay'] {
  const { db, clock, egress, log, nodeName } = dependencies;
  const attempting = { ...dependencies, keys: rememberKeys(dependencies.keys) };
  const destinations = new Map<string, Promise<Destination | null>>();

  const destinationOf = async (appId: string, calleeNo: string): Promise<Destination | null> => {
    const name = `${appId} ${calleeNo}`;
    const known =
      destinations.get(name) ?? findDestinations(db, [{ appId, calleeNo }]).then(([found]) => found ?? null);
    destinations.set(name, known);
    return known;
  };

  const accept = async (message: AcceptedMessage): ReturnType<CallbackDependencies['relay']['accept']> => {
    const { appId, destination: named } = message;
    const destination = 'url' in named ? null : await destinationOf(appId, named.calleeNo);
    const url = 'url' in named ? named.url : destination?.url;
    if (url === undefined || !egress.checkUrl(url).ok) throw new Error('the benchmark names no such destination');
    const now = clock.now();
    const requestId = uuidV7(now);
    const profile = destination?.profile ?? 'etc-relay';
    const { outcome, record } = await makeAttempt(attempting, {
      appId,
      requestId,
      lane: '',
      leaseToken: 1,
      leaseEndsAt: new Date(now.getTime() + LEASE_MS),
      orderingKey: null,
      profile,
      url,
      urlVersion: null,
      calleeAppId: null,
      calleeNo: null,
      callerNo: null,
      messageType: message.messageType,
      acceptedAt: now,
      occurredAt: null,
      content: message.content,
      attemptsMax: null,
      delaysMs: null,
      traceParent: null,
      attempts: 1,
      scheduleAttempts: 1,
      destination,
    });
    const schedule = { attempts: 1, policy: PROFILES[profile].retry };
    const next = afterAttempt(schedule, outcome, clock.now(), drawJitter(Math.random));
    log.info(
      {
        requestId,
        appId,
        destination: URL.parse(record.url)?.host ?? null,
        number: record.number,
        outcome: record.outcome,
        status: record.status,
        reason: record.reason,
        durationMs: record.durationMs,
        remoteAddress: record.remoteAddress,
        state: next.state,
        node: nodeName,
      },
      'delivery attempt',
    );
    return { requestId, outcome: next.state === 'waiting' ? 'retrying' : next.state };
  };

  return { accept, assertRoom: () => undefined, outcome: () => Promise.resolve(null) };
}

function rememberKeys(keys: RelayKeys): RelayKeys {
  const remember = <Key>(find: (appId: string) => Promise<Key>): ((appId: string) => Promise<Key>) => {
    const known = new Map<string, Promise<Key>>();
    return (appId) => {
      const key = known.get(appId) ?? find(appId);
      known.set(appId, key);
      return key;
    };
  };
  return {
    bodyKey: remember((appId) => keys.bodyKey(appId)),
    webhookSecret: remember((appId) => keys.webhookSecret(appId)),
    secretOf: remember((appId) => keys.secretOf(appId)),
  };
}
