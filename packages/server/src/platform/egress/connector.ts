import type { LookupAddress } from 'node:dns';
import { lookup as systemLookup } from 'node:dns/promises';
import { isIP, Socket, type LookupFunction } from 'node:net';
import { TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';
import type { AddressPolicy } from './address.ts';
import { EgressError, type EgressPeer } from './egress.ts';
import { tlsOptions, type TlsIdentity } from './tls-identity.ts';

/** All addresses of a name. Rejects or gives none when there are none. */
export type Lookup = (hostname: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;

export type Connect = (
  target: buildConnector.Options,
  callback: (...result: [null, Socket | TLSSocket, EgressPeer] | [Error, null, null]) => void,
) => GiveUp;

/** The way to connect under a TLS identity, or under none. */
export type ConnectAs = (identity: TlsIdentity | undefined) => Connect;

/** Ends an attempt to connect that nobody waits for any more; without effect once it has ended. */
export type GiveUp = (reason: EgressError) => void;

/** The resolver of the operating system, hosts file included. */
export const lookupBySystem: Lookup = (hostname) => systemLookup(hostname, { all: true });

/**
 * Opens connections to permitted addresses alone. A name's addresses are judged inside the connection's own lookup, so
 * there is no second lookup whose answer could differ; a literal address, for which the socket looks nothing up, is
 * judged before; and the address that was really reached is judged once more before a byte of the request is written.
 * Fails with an `EgressError` of stage `before`.
 */
export function createConnect(options: {
  policy: AddressPolicy;
  lookup: Lookup;
  extraCaPem: string | undefined;
  connectTimeoutMs: number;
}): ConnectAs {
  const { policy, extraCaPem } = options;
  const plain = {
    lookup: guardedLookup(policy, shareLookups(options.lookup)),
    timeout: options.connectTimeoutMs,
    autoSelectFamily: true,
    allowH2: false,
  };
  const connectHttp = buildConnector(plain);

  return (identity) => {
    let connectHttps: buildConnector.connector | undefined;
    return connectGuarded(policy, (secure) => {
      if (!secure) return connectHttp;
      return (connectHttps ??= buildConnector({ ...plain, ...tlsOptions(extraCaPem, identity) }));
    });
  };
}

function connectGuarded(policy: AddressPolicy, connectorFor: (secure: boolean) => buildConnector.connector): Connect {
  return (target, callback) => {
    const refusal = refusalOfLiteral(target.hostname, policy);
    if (refusal !== undefined) {
      // Never answered within the call: undici is still busy with the client that asked.
      process.nextTick(callback, refusal, null, null);
      return () => undefined;
    }
    const secure = target.protocol === 'https:';
    let connect: buildConnector.connector;
    try {
      connect = connectorFor(secure);
    } catch (error) {
      process.nextTick(callback, new EgressError('tls_failed', 'before', { cause: error }), null, null);
      return () => undefined;
    }
    let opened = false;
    // undici's connector gives the socket at once, though its types do not say so.
    const opening: unknown = connect(target, (error, socket) => {
      opened = true;
      if (error !== null) {
        callback(connectError(error, secure), null, null);
        return;
      }
      const peer = peerOf(socket);
      const refusal = peer === undefined ? hungUp() : refusalAmong([{ address: peer.remoteAddress }], policy);
      if (peer !== undefined && refusal === undefined) {
        callback(null, socket, peer);
        return;
      }
      socket.destroy();
      callback(refusal ?? hungUp(), null, null);
    });
    return (reason) => {
      if (!opened && opening instanceof Socket) opening.destroy(reason);
    };
  };
}

/**
 * The lookup of a socket. One forbidden address among a name's addresses refuses the name: a name that is partly inside
 * is a mistake or an attack, and which of its addresses the socket would take is a matter of timing.
 */
function guardedLookup(policy: AddressPolicy, lookup: Lookup): LookupFunction {
  const permitted = async (hostname: string): Promise<LookupAddress[] | EgressError> => {
    try {
      const found = await lookup(hostname);
      if (found.length === 0) return new EgressError('dns_failed', 'before');
      return refusalAmong(found, policy) ?? found.map(({ address, family }) => ({ address, family }));
    } catch (error) {
      return new EgressError('dns_failed', 'before', { cause: error });
    }
  };
  const answer = async (...[hostname, options, callback]: Parameters<LookupFunction>): Promise<void> => {
    const addresses = await permitted(hostname);
    const [first] = addresses instanceof EgressError ? [] : addresses;
    if (addresses instanceof EgressError) process.nextTick(callback, addresses, []);
    else if (options.all === true) process.nextTick(callback, null, addresses);
    else process.nextTick(callback, null, first?.address, first?.family);
  };
  return (hostname, options, callback) => void answer(hostname, options, callback);
}

/** Connections that open at the same moment to one name ask once. Nothing is kept beyond the answer. */
function shareLookups(lookup: Lookup): Lookup {
  const underWay = new Map<string, ReturnType<Lookup>>();
  return (hostname) => {
    const shared = underWay.get(hostname);
    if (shared !== undefined) return shared;
    const asked = lookup(hostname).finally(() => underWay.delete(hostname));
    underWay.set(hostname, asked);
    return asked;
  };
}

function refusalAmong(addresses: readonly { address: string }[], policy: AddressPolicy): EgressError | undefined {
  for (const { address } of addresses) {
    const judgement = policy.judge(address);
    if (!judgement.allowed) return forbidden(address, judgement.rule);
  }
  return undefined;
}

function refusalOfLiteral(hostname: string, policy: AddressPolicy): EgressError | undefined {
  return isIP(hostname) === 0 ? undefined : refusalAmong([{ address: hostname }], policy);
}

function forbidden(address: string, rule: string): EgressError {
  return new EgressError('address_forbidden', 'before', { cause: new Error(`${address}: ${rule}`) });
}

/** Undefined when the peer has hung up already: the socket then has no remote address any more. */
function peerOf(socket: Socket | TLSSocket): EgressPeer | undefined {
  const { remoteAddress } = socket;
  if (remoteAddress === undefined) return undefined;
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  const tlsFingerprint = certificate?.fingerprint256.replaceAll(':', '').toLowerCase() ?? null;
  return { remoteAddress, tlsFingerprint };
}

function hungUp(): EgressError {
  return new EgressError('connect_failed', 'before', { cause: new Error('the peer closed the connection at once') });
}

const TIMEOUT_CODES = new Set<unknown>(['UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT']);

function connectError(error: Error & { code?: unknown; syscall?: unknown }, secure: boolean): EgressError {
  if (error instanceof EgressError) return error;
  if (TIMEOUT_CODES.has(error.code)) return new EgressError('connect_timeout', 'before', { cause: error });
  const beforeTls = error.syscall === 'connect' || error instanceof AggregateError;
  return new EgressError(secure && !beforeTls ? 'tls_failed' : 'connect_failed', 'before', { cause: error });
}
