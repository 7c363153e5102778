import type { KeyObject } from 'node:crypto';
import type { Transaction } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';

/** How a caller signs its requests: RSA is SHA1withRSA (existing clients), RSA2 is SHA256withRSA (the default here). */
export type SignType = 'RSA' | 'RSA2';

/** The `api_callback_code` a finished flow is announced with; `auth_process` is the literal of seed 000's sample. */
type NotifyCode = 'sign_process' | 'auth_process';

/** Stands alone in `grants` and means every api code, those of later versions included. */
export const EVERY_GRANT = '*';

/** A calling application. It carries no secret: those are asked for one by one from `Apps`. */
export interface App {
  /** 16 upper-case letters and digits. */
  readonly appId: string;
  readonly name: string;
  /** The caller's RSA public key, SPKI PEM. */
  readonly publicKey: string;
  readonly signType: SignType;
  /** The public half of the key we sign relayed bodies with, SPKI PEM. */
  readonly relayPublicKey: string;
  /** Canonical CIDRs. Empty: the signed gateway takes any address, the relay nobody without the secret. */
  readonly allowIps: readonly string[];
  readonly notifyUrl: string | null;
  /** Api codes, or `*` alone. */
  readonly grants: readonly string[];
  readonly notifyCode: NotifyCode;
  readonly allowWeakKey: boolean;
  readonly refuseNestedParams: boolean;
  readonly ratePerSecondMax: number;
  readonly disabledAt: Date | null;
  readonly createdAt: Date;
}

export interface CreateAppInput {
  /** 1 to 64 characters. */
  readonly name: string;
  /** RSA public key or certificate: PEM, or the Base64 of the DER. */
  readonly publicKey: string;
  readonly signType?: SignType;
  readonly allowIps?: readonly string[];
  readonly notifyUrl?: string;
  /** Api codes; absent or empty means every api code and is stored as `*`. */
  readonly grants?: readonly string[];
  readonly notifyCode?: NotifyCode;
  /** Admits RSA keys from 1024 bits, which exist in the field; otherwise 2048 is the least. */
  readonly allowWeakKey?: boolean;
  readonly refuseNestedParams?: boolean;
  readonly ratePerSecondMax?: number;
  /** Who does it, for the audit: `operator`, or an app's id. */
  readonly actor: string;
}

/** The two secrets are shown this once. */
interface CreatedApp {
  readonly app: App;
  readonly appSecret: string;
  /** Standard Webhooks form: `whsec_` and the Base64 of 32 bytes. */
  readonly webhookSecret: string;
}

/** Who knocks at the relay: the app it names, where it comes from, and the word after `Bearer `, if any. */
interface RelayCaller {
  readonly appId: string;
  readonly ip: string;
  readonly bearer: string | undefined;
}

type RelayDecision = 'ok' | 'unknown_app' | 'forbidden' | 'disabled';

/** `app_invalid` names the `field` and what would be right (`expected`); `app_not_found` the `appId`. */
export type AppErrorCode = 'app_invalid' | 'app_not_found';

/** What a client of the OAuth mode gets (contracts/tsign-auth.md): two opaque texts, shown this once. */
export interface IssuedToken {
  readonly token: string;
  readonly refreshToken: string;
  /** Of `token`: 120 minutes from now. */
  readonly expiresAt: Date;
}

export interface AccessTokens {
  /**
   * A new token for an app that shows its secret; the app's tokens before it end in five minutes. Undefined for an
   * unknown or disabled app and for another secret, which a stranger cannot tell apart.
   */
  issueToken(request: { appId: string; secret: string }): Promise<IssuedToken | undefined>;
  /** The same for an app that shows the refresh token of its last pair, at most a day old. */
  renewToken(request: { appId: string; refreshToken: string }): Promise<IssuedToken | 'unknown_app' | 'refused'>;
  /** Whether this is a token of the app, given out under its present secret and not over. */
  tokenHolds(appId: string, token: string): Promise<boolean>;
}

export interface Apps extends AccessTokens {
  /** Validates, makes the secrets and the relay key pair, stores and audits. Throws `app_invalid`. */
  create(input: CreateAppInput): Promise<CreatedApp>;
  /** The hot path: at most one second old on this node, and never older than this node's own last write. */
  find(appId: string): Promise<App | undefined>;
  /** The same on a transaction's own connection, for those who are inside of one. */
  findWithin(tx: Transaction, appId: string): Promise<App | undefined>;
  /** All apps, the oldest first. */
  list(): Promise<readonly App[]>;
  /** A new app secret; the old one ends at once here and within a second on other nodes. Throws `app_not_found`. */
  rotateSecret(appId: string, actor: string): Promise<{ readonly appSecret: string }>;
  disable(appId: string, actor: string): Promise<App>;
  enable(appId: string, actor: string): Promise<App>;
  /** Sets where notifications go. Throws `app_invalid` for a URL that is no http(s) URL of at most 512 characters. */
  setNotifyUrl(change: { appId: string; notifyUrl: string; actor: string }, tx?: Transaction): Promise<App>;
  /** The app secret in the clear. Throws `app_not_found`. */
  secretOf(appId: string): Promise<string>;
  /** `whsec_…`, for the Standard Webhooks signature. Throws `app_not_found`. */
  webhookSecret(appId: string): Promise<string>;
  /** The private key that signs relayed bodies. Throws `app_not_found`. */
  bodyKey(appId: string): Promise<KeyObject>;
  /** Its public half, SPKI PEM. Throws `app_not_found`. */
  relayPublicKey(appId: string): Promise<string>;
  /** True for the first use within 60 s, false for a repeat. One atomic statement. */
  claimNonce(appId: string, nonce: string, at: Date): Promise<boolean>;
  /** Removes nonces whose 60 s are over; returns how many. To be called now and then; nothing waits for it. */
  pruneNonces(): Promise<number>;
  /** Audits that a request's nested params were not covered by its signature (contracts/etc-gateway.md, older dialect). */
  noteUnsignedParams(request: { appId: string; apiCode: string; requestId: string }): Promise<void>;
  /** Lets a relay caller in by its address or its secret. */
  authorize(caller: RelayCaller): Promise<RelayDecision>;
  /** For the signed gateway: an empty list is any address. */
  ipAllowed(app: App, ip: string): boolean;
}

export function appNotFound(appId: string): DomainError<AppErrorCode> {
  return new DomainError('app_not_found', { appId });
}

export function appInvalid(field: string, expected: string): DomainError<AppErrorCode> {
  return new DomainError('app_invalid', { field, expected });
}
