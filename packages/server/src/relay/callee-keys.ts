import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { TlsIdentity } from '../platform/egress/index.ts';
import type { Vault } from '../platform/vault.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { Destination } from './destination.ts';
import { createEncrypter, type Encrypter } from './payload-encryption.ts';
import { ed25519PrivateKey, webhookSecretKey, type WebhookKeys } from './standard-webhooks.ts';

/** What of a destination is kept sealed. */
export type CalleeSecret = 'webhook_secret' | 'ed25519_key' | 'body_key' | 'client_key';

/** The keys of destinations as an attempt uses them. Each is opened and parsed once, and kept while it is in use. */
export interface CalleeKeys {
  /**
   * The keys that sign a message at a time: the present ones first, and those they replaced, until their end.
   *
   * @param appSecret asked for the application's own webhook secret where a destination has none
   */
  webhookKeys(destination: Destination | null, at: Date, appSecret: () => Promise<string>): Promise<WebhookKeys>;
  /** The destination's own RSA key; null: the application's signs. */
  bodyKey(destination: Destination): KeyObject | null;
  /** Undefined: a request like any other. */
  tlsIdentity(destination: Destination): TlsIdentity | undefined;
  /** Null: bodies go in the clear. */
  encrypter(destination: Destination): Encrypter | null;
}

type Owner = Pick<Destination, 'appId' | 'calleeNo'>;

/** Of each kind; beyond it the first come are parsed anew. */
const ENTRIES_MAX = 10_000;

function secretContext({ appId, calleeNo }: Owner, what: CalleeSecret): string {
  return `callee:${appId}:${calleeNo}:${what}`;
}

/** @returns Base64 of the sealed secret, which only the same destination's same column opens */
export function sealCalleeSecret(vault: Vault, owner: Owner, what: CalleeSecret, secret: string): string {
  return vault.seal(Buffer.from(secret, 'utf8'), secretContext(owner, what)).toString('base64');
}

export function createCalleeKeys(vault: Vault): CalleeKeys {
  const hmacKeys = new BoundedCache<KeyObject>(ENTRIES_MAX);
  const privateKeys = new BoundedCache<KeyObject>(ENTRIES_MAX);
  const identities = new BoundedCache<TlsIdentity>(ENTRIES_MAX);
  const encrypters = new BoundedCache<Encrypter>(ENTRIES_MAX);

  const open = (context: string, sealed: string): string =>
    vault.open(Buffer.from(sealed, 'base64'), context).toString('utf8');
  // The context is part of the key: what was opened for one destination is not for another that holds the same bytes.
  const kept = <V>(
    cache: BoundedCache<V>,
    owner: Owner,
    what: CalleeSecret,
    sealed: string,
    parse: (secret: string) => V,
  ): V => {
    const context = secretContext(owner, what);
    return cache.get(`${context}:${sealed}`, () => parse(open(context, sealed)));
  };
  const hmacKey = (owner: Owner, sealed: string): KeyObject =>
    kept(hmacKeys, owner, 'webhook_secret', sealed, webhookSecretKey);
  const ed25519Key = (owner: Owner, sealed: string): KeyObject =>
    kept(privateKeys, owner, 'ed25519_key', sealed, ed25519PrivateKey);

  return {
    async webhookKeys(destination, at, appSecret) {
      const appKey = async (): Promise<KeyObject> => {
        const secret = await appSecret();
        return hmacKeys.get(secret, () => webhookSecretKey(secret));
      };
      if (destination === null) return { hmac: [await appKey()], ed25519: [] };
      const { webhookSecretSealed, credentials } = destination;
      const hmac = [webhookSecretSealed === null ? await appKey() : hmacKey(destination, webhookSecretSealed)];
      if (credentials === null) return { hmac, ed25519: [] };
      const { previousWebhookSecret: previous, ed25519 } = credentials;
      if (previous !== undefined && holds(previous.until, at)) {
        hmac.push(previous.sealed === null ? await appKey() : hmacKey(destination, previous.sealed));
      }
      if (ed25519 === undefined) return { hmac, ed25519: [] };
      const sealed = [
        ed25519.sealed,
        ...(ed25519.previous !== undefined && holds(ed25519.previous.until, at) ? [ed25519.previous.sealed] : []),
      ];
      return { hmac, ed25519: sealed.map((key) => ed25519Key(destination, key)) };
    },

    bodyKey(destination) {
      const sealed = destination.credentials?.bodyKey?.sealed;
      return sealed === undefined ? null : kept(privateKeys, destination, 'body_key', sealed, createPrivateKey);
    },

    tlsIdentity(destination) {
      const { client, authority } = destination.credentials ?? {};
      if (client === undefined && authority === undefined) return undefined;
      const id = `${client?.fingerprint ?? ''}/${authority?.sha256 ?? ''}`;
      const context = secretContext(destination, 'client_key');
      return identities.get(`${id}:${context}:${client?.sealedKey ?? ''}`, () => ({
        id,
        ...(client !== undefined && {
          client: { certificatePem: client.certificatePem, privateKeyPem: open(context, client.sealedKey) },
        }),
        ...(authority !== undefined && { authorityPem: authority.pem }),
      }));
    },

    encrypter(destination) {
      const encryption = destination.credentials?.encryption;
      if (encryption === undefined) return null;
      return encrypters.get(`${encryption.keyId ?? ''}:${encryption.publicKeyPem}`, () => createEncrypter(encryption));
    },
  };
}

function holds(until: string, at: Date): boolean {
  return at.getTime() < Date.parse(until);
}
