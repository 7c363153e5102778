import { createHash, createPublicKey } from 'node:crypto';
import { DomainError } from '../../platform/errors.ts';
import * as der from '../der.ts';
import { ATTRIBUTE, loadPkcs11Module, MECHANISM, Pkcs11Error, PRIVATE_KEY_CLASS, ulongs } from './pkcs11-module.ts';
import type { Attribute, Pkcs11Module } from './pkcs11-module.ts';
import type { SigningKey } from './signing-key.ts';
import { algorithmOf } from './software-key.ts';

/** Where a key is: RFC 7512, of which `token` and one or both of `object` and `id` are understood. */
export type Pkcs11Reference = { token: string; object?: string; id?: Buffer };

export type Pkcs11Keys = {
  /** A key of which no byte leaves the token. `publicKey` (SubjectPublicKeyInfo) is its certificate's. */
  open(reference: string, publicKey: Buffer): Promise<SigningKey>;
  close(): Promise<void>;
};

type Options = { modulePath: string | null; pin: string | null };
/** Signs one thing at a time. */
type Session = { handle: bigint; keys: Map<string, bigint> };

/** Sessions per token: as many signatures are under way at once. */
const SESSIONS_MAX = 4;
/** RFC 8017, 9.2, note 1: DigestInfo of a SHA-256 digest, up to the digest. */
const DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');

/**
 * Reads `pkcs11:token=LABEL;object=LABEL;id=%01%02`.
 *
 * @throws DomainError `pkcs11_reference_invalid`
 */
export function readPkcs11Reference(uri: string): Pkcs11Reference {
  const [, path] = /^pkcs11:([^?]*)$/.exec(uri) ?? [];
  const fields = new Map<string, string>();
  for (const item of path?.split(';') ?? []) {
    const [, name, value] = /^(token|object|id)=((?:[^%;=]|%[0-9a-fA-F]{2})+)$/.exec(item) ?? [];
    if (name === undefined || value === undefined || fields.has(name)) throw invalidReference();
    fields.set(name, value);
  }
  const [token, object, id] = [fields.get('token'), fields.get('object'), fields.get('id')];
  if (token === undefined || (object === undefined && id === undefined)) throw invalidReference();
  return {
    token: unescaped(token).toString('utf8'),
    ...(object !== undefined && { object: unescaped(object).toString('utf8') }),
    ...(id !== undefined && { id: unescaped(id) }),
  };
}

function unescaped(text: string): Buffer {
  const parts = text.match(/%[0-9a-fA-F]{2}|[^%]+/g) ?? [];
  return Buffer.concat(
    parts.map((part) => (part.startsWith('%') ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part, 'utf8'))),
  );
}

function invalidReference(): DomainError {
  return new DomainError('pkcs11_reference_invalid', { expected: 'pkcs11:token=LABEL;object=LABEL or …;id=%01' });
}

/** Keys in tokens behind the one module that the configuration names. It is loaded at first use. */
export function createPkcs11Keys({ modulePath, pin }: Options): Pkcs11Keys {
  let loading: Promise<Pkcs11Module> | undefined;
  const tokens = new Map<string, ReturnType<typeof createSessions>>();

  async function sessionsOf(token: string): Promise<ReturnType<typeof createSessions>> {
    if (modulePath === null || pin === null)
      throw new DomainError('pkcs11_failed', { reason: 'no module is configured' });
    loading ??= loadPkcs11Module(modulePath);
    const module = await loading.catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    const known = tokens.get(token) ?? createSessions(module, token, pin);
    tokens.set(token, known);
    return known;
  }

  return {
    async open(reference, publicKey) {
      const where = readPkcs11Reference(reference);
      const algorithm = algorithmOf(createPublicKey({ key: publicKey, format: 'der', type: 'spki' }));
      // PKCS#11 names no mechanism for SM2; each maker of tokens has one of its own.
      if (algorithm === 'SM2') throw new DomainError('key_unsupported', { key: 'SM2 in a PKCS#11 token' });
      const sessions = await sessionsOf(where.token);
      // Whether the key is there shall show now, and not at the first signature.
      await sessions.use(async (module, session) => keyIn(module, session, reference, where));
      return {
        algorithm,
        publicKey,
        sign: (bytes) =>
          sessions.use(async (module, session) => {
            const key = await keyIn(module, session, reference, where);
            // Hashed here: a document's attributes need not go to the device, and empty ones are no special case of its.
            const digest = createHash('sha256').update(bytes).digest();
            if (algorithm !== 'P-256') {
              return module.sign(session.handle, MECHANISM.rsaPkcs, key, Buffer.concat([DIGEST_INFO, digest]));
            }
            return ecdsaValue(await module.sign(session.handle, MECHANISM.ecdsa, key, digest));
          }),
      };
    },

    async close() {
      const module = await loading?.catch(() => undefined);
      loading = undefined;
      tokens.clear();
      await module?.finalize();
    },
  };
}

/** A few sessions of one token, each lent to one signature at a time. */
function createSessions(module: Pkcs11Module, token: string, pin: string) {
  const idle: Session[] = [];
  const waiting: (() => void)[] = [];
  let free = SESSIONS_MAX;

  async function opened(): Promise<Session> {
    const handle = await module.openSession(await module.findSlot(token));
    await module.login(handle, pin).catch(async (error: unknown) => {
      await module.closeSession(handle);
      throw error;
    });
    return { handle, keys: new Map() };
  }

  async function attempt<T>(
    session: Session,
    work: (module: Pkcs11Module, session: Session) => Promise<T>,
  ): Promise<T> {
    try {
      const result = await work(module, session);
      idle.push(session);
      return result;
    } catch (error) {
      // Whatever state it is in, nobody else shall find it so.
      await module.closeSession(session.handle).catch(() => undefined);
      throw error;
    }
  }

  return {
    /** A session that the device lost is replaced, and the work tried once more. */
    async use<T>(work: (module: Pkcs11Module, session: Session) => Promise<T>): Promise<T> {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      try {
        const known = idle.pop();
        if (known === undefined) return await attempt(await opened(), work);
        return await attempt(known, work).catch(async (error: unknown) => {
          if (!(error instanceof Pkcs11Error && error.isSessionLost)) throw error;
          idle.length = 0;
          return attempt(await opened(), work);
        });
      } finally {
        const next = waiting.shift();
        if (next === undefined) free += 1;
        else next();
      }
    },
  };
}

async function keyIn(
  module: Pkcs11Module,
  session: Session,
  reference: string,
  { object, id }: Pkcs11Reference,
): Promise<bigint> {
  const known = session.keys.get(reference);
  if (known !== undefined) return known;
  const attributes: Attribute[] = [
    { type: ATTRIBUTE.class, value: ulongs(BigInt(PRIVATE_KEY_CLASS)) },
    ...(object === undefined ? [] : [{ type: ATTRIBUTE.label, value: Buffer.from(object, 'utf8') }]),
    ...(id === undefined ? [] : [{ type: ATTRIBUTE.id, value: id }]),
  ];
  const [key, another] = await module.findObjects(session.handle, attributes, 2);
  if (key === undefined || another !== undefined) {
    const reason = key === undefined ? 'holds no private key' : 'holds several private keys';
    throw new DomainError('pkcs11_failed', { reason: `the token ${reason} at ${reference}` });
  }
  session.keys.set(reference, key);
  return key;
}

/** Ecdsa-Sig-Value in DER (RFC 3279, 2.2.3) from the two numbers side by side that PKCS#11 answers. */
function ecdsaValue(sideBySide: Buffer): Buffer {
  const half = sideBySide.length / 2;
  return der.sequence(
    der.unsignedInteger(sideBySide.subarray(0, half)),
    der.unsignedInteger(sideBySide.subarray(half)),
  );
}
