import { DomainError } from '../../platform/errors.ts';

/**
 * The few functions of a PKCS#11 module (OASIS PKCS#11 2.40) that signing needs, each call on a thread of its own, so that
 * a slow device holds nobody up. Memory is laid out by hand, for 64-bit Linux and macOS, where CK_ULONG has 8 bytes.
 */
export type Pkcs11Module = {
  /** The slot whose token has this label. */
  findSlot(label: string): Promise<bigint>;
  openSession(slot: bigint): Promise<bigint>;
  closeSession(session: bigint): Promise<void>;
  /** Once for all sessions of a token. */
  login(session: bigint, pin: string): Promise<void>;
  /** Handles of objects that have all these attributes. */
  findObjects(session: bigint, attributes: readonly Attribute[], max: number): Promise<bigint[]>;
  sign(session: bigint, mechanism: number, key: bigint, data: Buffer): Promise<Buffer>;
  finalize(): Promise<void>;
};

export type Attribute = { type: number; value: Buffer };

export const ATTRIBUTE = { class: 0x00, label: 0x03, id: 0x102 } as const;
export const PRIVATE_KEY_CLASS = 0x03;
export const MECHANISM = { rsaPkcs: 0x01, ecdsa: 0x1041 } as const;

const RESULT = { ok: 0, alreadyLoggedIn: 0x100, alreadyInitialized: 0x191 } as const;
/** Results after which a new session may do what this one could not: it was closed, or the device was away. */
const SESSION_LOST = new Set([0x30, 0x31, 0x32, 0xb0, 0xb3, 0xe0, 0xe1, 0x101]);
const NAMES: Readonly<Record<number, string>> = {
  0x05: 'general error',
  0x30: 'device error',
  0x32: 'device removed',
  0x70: 'mechanism not known to the token',
  0xa0: 'wrong PIN',
  0xa4: 'PIN locked',
  0xe0: 'token not present',
};

const OS_LOCKING = 2n;
const SERIAL_SESSION = 4;
const USER = 1;
const SLOTS_MAX = 64;
const TOKEN_INFO_BYTES = 512;
const LABEL_BYTES = 32;
const SIGNATURE_BYTES_MAX = 1024;
const ULONG_BYTES = 8;

/** A failed call. `isSessionLost` says that another session is worth a try. */
export class Pkcs11Error extends DomainError<'pkcs11_failed'> {
  readonly isSessionLost: boolean;

  constructor(call: string, result: number) {
    const reason = `${call}: ${NAMES[result] ?? `result 0x${result.toString(16)}`}`;
    super('pkcs11_failed', { reason });
    this.isSessionLost = SESSION_LOST.has(result);
  }
}

/**
 * Loads and initialises a module.
 *
 * @param path of the shared library, from the configuration alone: it runs inside of this process
 * @throws DomainError `pkcs11_failed`
 */
export async function loadPkcs11Module(path: string): Promise<Pkcs11Module> {
  if (process.platform === 'win32') throw new DomainError('pkcs11_failed', { reason: 'not supported on Windows' });
  const { default: koffi } = await import('koffi');
  let library: ReturnType<typeof koffi.load>;
  try {
    library = koffi.load(path);
  } catch (error) {
    throw new DomainError('pkcs11_failed', { reason: `the module ${path} cannot be loaded` }, { cause: error });
  }
  const bind = (name: string, ...types: string[]): ((...values: unknown[]) => Promise<number>) => {
    const call = library.func(name, 'unsigned long', types);
    return (...values) =>
      new Promise((resolve, reject) => {
        call.async(...values, (error: unknown, result: number | bigint) => {
          if (error !== null) reject(new Error(`${name} could not be called`, { cause: error }));
          else resolve(Number(result));
        });
      });
  };
  const checked = async (call: string, result: Promise<number>, ...alsoGood: number[]): Promise<void> => {
    const value = await result;
    if (value !== RESULT.ok && !alsoGood.includes(value)) throw new Pkcs11Error(call, value);
  };
  const ulong = 'unsigned long';
  const functions = {
    initialize: bind('C_Initialize', 'void *'),
    finalize: bind('C_Finalize', 'void *'),
    getSlotList: bind('C_GetSlotList', 'uint8', 'void *', 'void *'),
    getTokenInfo: bind('C_GetTokenInfo', ulong, 'void *'),
    openSession: bind('C_OpenSession', ulong, ulong, 'void *', 'void *', 'void *'),
    closeSession: bind('C_CloseSession', ulong),
    login: bind('C_Login', ulong, ulong, 'void *', ulong),
    findObjectsInit: bind('C_FindObjectsInit', ulong, 'void *', ulong),
    findObjects: bind('C_FindObjects', ulong, 'void *', ulong, 'void *'),
    findObjectsFinal: bind('C_FindObjectsFinal', ulong),
    signInit: bind('C_SignInit', ulong, 'void *', ulong),
    sign: bind('C_Sign', ulong, 'void *', ulong, 'void *', 'void *'),
  };

  // CK_C_INITIALIZE_ARGS: four callbacks that are not needed, flags, reserved.
  const settings = ulongs(0n, 0n, 0n, 0n, OS_LOCKING, 0n);
  await checked('C_Initialize', functions.initialize(settings), RESULT.alreadyInitialized);

  return {
    async findSlot(label) {
      const list = Buffer.alloc(SLOTS_MAX * ULONG_BYTES);
      const count = ulongs(BigInt(SLOTS_MAX));
      await checked('C_GetSlotList', functions.getSlotList(1, list, count));
      for (let index = 0; index < Number(count.readBigUInt64LE()); index += 1) {
        const slot = list.readBigUInt64LE(index * ULONG_BYTES);
        const info = Buffer.alloc(TOKEN_INFO_BYTES);
        if ((await functions.getTokenInfo(slot, info)) !== RESULT.ok) continue;
        if (info.toString('utf8', 0, LABEL_BYTES).trimEnd() === label) return slot;
      }
      throw new DomainError('pkcs11_failed', { reason: `no token has the label ${label}` });
    },
    async openSession(slot) {
      const session = Buffer.alloc(ULONG_BYTES);
      await checked('C_OpenSession', functions.openSession(slot, SERIAL_SESSION, null, null, session));
      return session.readBigUInt64LE();
    },
    async closeSession(session) {
      await functions.closeSession(session);
    },
    async login(session, pin) {
      const bytes = Buffer.from(pin, 'utf8');
      await checked('C_Login', functions.login(session, USER, bytes, bytes.length), RESULT.alreadyLoggedIn);
    },
    async findObjects(session, attributes, max) {
      // CK_ATTRIBUTE: type, pointer to the value, its length. The values live as long as the list that names them.
      const template = ulongs(
        ...attributes.flatMap(({ type, value }) => [BigInt(type), koffi.address(value), BigInt(value.length)]),
      );
      await checked('C_FindObjectsInit', functions.findObjectsInit(session, template, attributes.length));
      try {
        const found = Buffer.alloc(max * ULONG_BYTES);
        const count = Buffer.alloc(ULONG_BYTES);
        await checked('C_FindObjects', functions.findObjects(session, found, max, count));
        return Array.from({ length: Number(count.readBigUInt64LE()) }, (_, index) =>
          found.readBigUInt64LE(index * ULONG_BYTES),
        );
      } finally {
        await functions.findObjectsFinal(session);
      }
    },
    async sign(session, mechanism, key, data) {
      await checked('C_SignInit', functions.signInit(session, ulongs(BigInt(mechanism), 0n, 0n), key));
      const signature = Buffer.alloc(SIGNATURE_BYTES_MAX);
      const length = ulongs(BigInt(signature.length));
      await checked('C_Sign', functions.sign(session, data, data.length, signature, length));
      return signature.subarray(0, Number(length.readBigUInt64LE()));
    },
    async finalize() {
      await functions.finalize(null);
    },
  };
}

/** A C array of CK_ULONG, which pointers are as long as. */
export function ulongs(...values: readonly bigint[]): Buffer {
  const bytes = Buffer.alloc(values.length * ULONG_BYTES);
  for (const [index, value] of values.entries()) bytes.writeBigUInt64LE(value, index * ULONG_BYTES);
  return bytes;
}
