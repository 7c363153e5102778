import { createSecretKey, type KeyObject } from 'node:crypto';
import type { App, Apps } from '../../apps/index.ts';
import type { Clock } from '../../platform/clock.ts';
import { FORM, TsignRefusal } from './errors.ts';
import { AuthenticationFailure, FAILURES, type Failure } from './failures.ts';
import {
  checkContent,
  firstValues,
  headerText,
  parseParameters,
  signatureHolds,
  type Parameter,
  type SignedRequest,
} from './signature.ts';

const MINUTE_MS = 60_000;
/**
 * Either way. The contract has no nonce and does not sign the timestamp: it keeps clocks honest, and stops a copied
 * request only where the client names the header among those that it signs.
 */
const TIMESTAMP_MS_MAX = 15 * MINUTE_MS;
const TIMESTAMP = /^\d{1,15}$/;
/** Of a query and a form together; they are sorted before anything is proved. */
const PARAMETERS_MAX = 1_000;
/** Without these four nothing can be checked (seed 001, request headers). Content-Type and Accept may be empty. */
const REQUIRED = ['x-tsign-open-ca-timestamp', 'x-tsign-open-ca-signature', 'accept', 'content-type'];
const NEVER_EMPTY = new Set(REQUIRED.slice(0, 2));
const FORM_TYPE = /^\s*application\/x-www-form-urlencoded\s*(?:;|$)/i;

export interface AuthenticationDependencies {
  readonly apps: Pick<Apps, 'find' | 'secretOf' | 'ipAllowed' | 'tokenHolds'>;
  readonly clock: Clock;
}

/** A request as its head says, before its body came. */
export interface RequestHead {
  readonly method: string;
  /** As the request line has it. */
  readonly url: string;
  readonly ip: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** A request that may go on to have its body read. Nothing in it is proved yet. */
export interface Arrival {
  readonly app: App;
  readonly mode: 'signature' | 'token';
  readonly method: string;
  readonly path: string;
  readonly query: readonly Parameter[];
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** What is proved of a request. */
export interface Caller {
  readonly app: App;
  /** The query's parameters, each with the value that was signed. */
  readonly query: Readonly<Record<string, string>>;
  /** The parameters of query and form together where the body is a form, each with the value that was signed. */
  readonly form: Readonly<Record<string, string>> | undefined;
}

export interface Authenticator {
  /** Everything that the request's head decides. @throws AuthenticationFailure at the first check that fails */
  arrive(head: RequestHead): Promise<Arrival>;
  /** Holds the request to its signature or its token. @throws AuthenticationFailure */
  prove(arrival: Arrival, body: Uint8Array): Promise<Caller>;
}

/** Who calls, by signature or by token, in the order of contracts/tsign-auth.md. */
export function createAuthenticator({ apps, clock }: AuthenticationDependencies): Authenticator {
  // A secret is kept as long as the app's record it belongs to: a second, and not beyond a change on this node.
  const secrets = new WeakMap<App, Promise<KeyObject>>();

  function secretOf(app: App): Promise<KeyObject> {
    const known = secrets.get(app);
    if (known !== undefined) return known;
    const opened = apps.secretOf(app.appId).then((secret) => createSecretKey(secret, 'utf8'));
    secrets.set(app, opened);
    opened.catch(() => secrets.delete(app));
    return opened;
  }

  return {
    async arrive(head) {
      const headers = headerTexts(head.headers);
      const app = await apps.find(headers['x-tsign-open-app-id'] ?? '');
      if (app === undefined || app.disabledAt !== null) throw failed(FAILURES.unknownApp);
      if (!apps.ipAllowed(app, head.ip)) throw failed(FAILURES.addressNotAllowed);
      const mode = modeOf(headers);
      if (mode === 'signature') checkTimestamp(headers['x-tsign-open-ca-timestamp'] ?? '', clock.now());
      const [path = '', ...rest] = head.url.split('?');
      return { app, mode, method: head.method, path, query: parseParameters(rest.join('?')), headers };
    },

    async prove(arrival, body) {
      const { app, query } = arrival;
      const isForm = body.length > 0 && FORM_TYPE.test(arrival.headers['content-type'] ?? '');
      const parameters = isForm ? [...query, ...formParameters(body)] : query;
      if (arrival.mode === 'token') {
        const token = arrival.headers['x-tsign-open-token'] ?? '';
        if (!(await apps.tokenHolds(app.appId, token))) throw failed(FAILURES.tokenWrong);
      } else {
        checkSignature({ ...arrival, parameters }, { body, isForm }, await secretOf(app));
      }
      return { app, query: asRecord(query), form: isForm ? asRecord(parameters) : undefined };
    },
  };
}

function failed(failure: Failure): AuthenticationFailure {
  return new AuthenticationFailure(failure);
}

function headerTexts(headers: RequestHead['headers']): Record<string, string | undefined> {
  const texts: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) texts[name] = headerText(Array.isArray(value) ? value.join(', ') : value);
  }
  return texts;
}

function modeOf(headers: Arrival['headers']): Arrival['mode'] {
  const mode = headers['x-tsign-open-auth-mode'] ?? '';
  if (mode === '') {
    if ((headers['x-tsign-open-token'] ?? '') === '') throw failed(FAILURES.noMode);
    return 'token';
  }
  const missing = REQUIRED.some(
    (name) => headers[name] === undefined || (NEVER_EMPTY.has(name) && headers[name] === ''),
  );
  if (missing) throw failed(FAILURES.headerMissing);
  if (mode !== 'Signature') throw failed(FAILURES.unknownMode);
  return 'signature';
}

function checkTimestamp(timestamp: string, now: Date): void {
  const right = TIMESTAMP.test(timestamp) && Math.abs(now.getTime() - Number(timestamp)) <= TIMESTAMP_MS_MAX;
  if (!right) throw failed(FAILURES.timestampWrong);
}

/**
 * A body must be covered: a form by its parameters, any other by its digest. So a body without a digest is refused,
 * since whoever stands between could put another in its place.
 */
function checkSignature(
  request: SignedRequest,
  { body, isForm }: { body: Uint8Array; isForm: boolean },
  secret: KeyObject,
): void {
  if (body.length > 0) {
    const content = checkContent(request, body);
    if (content === 'missing' && !isForm) throw failed(FAILURES.headerMissing);
    if (content === 'wrong') throw failed(FAILURES.signatureWrong);
  }
  if (!signatureHolds(request, secret)) throw failed(FAILURES.signatureWrong);
}

function formParameters(body: Uint8Array): Parameter[] {
  const text = Buffer.from(body).toString('utf8');
  let count = 1;
  for (let at = text.indexOf('&'); at >= 0; at = text.indexOf('&', at + 1)) count += 1;
  if (count > PARAMETERS_MAX) throw new TsignRefusal(FORM.tooManyFields(PARAMETERS_MAX));
  return parseParameters(text);
}

function asRecord(parameters: readonly Parameter[]): Record<string, string> {
  return Object.fromEntries(firstValues(parameters));
}
