import { appendAudit } from '../audit/index.ts';
import type { Transaction } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import { maskName } from '../platform/masking.ts';
import type { Vault } from '../platform/vault.ts';
import type { SigningContext } from './context.ts';
import { deleteCopy, lockCopiesTo } from './copy-store.ts';
import { openCopyPart, openPersonal, personKeyOf, personLookupHash } from './personal.ts';
import {
  erasePlace,
  findPlaces,
  insertPersonKeys,
  lockPlaces,
  messagesTo,
  requestsWithoutPersonKeys,
  type PersonPlace,
} from './person-store.ts';
import type { CopyRow, StoredIndividual } from './tables.ts';

export interface ErasePerson {
  readonly appId: string;
  /** A mobile, or an ID number of 18 characters. */
  readonly userId: string;
  readonly actor: string;
}

/**
 * - `person_has_open_flows` {count}: they are revoked, or end, first
 * - `person_ambiguous`: several ID numbers have this mobile
 */
export type EraseErrorCode = 'person_has_open_flows' | 'person_ambiguous';

const BACKFILL_ROWS_MAX = 200;

/**
 * Erases a person's data from every request and flow of the application: ID number, mobile, handwriting, sessions, links,
 * the copies that go to them, and the private keys made for them. The proof stays: documents, hashes, certificates, acts. Somebody unknown is
 * answered as somebody erased is, so that a repeat is right and nothing is told.
 *
 * @throws DomainError with an `EraseErrorCode`
 */
export async function erasePerson(context: SigningContext, { appId, userId, actor }: ErasePerson): Promise<void> {
  const { vault, clock } = context;
  await context.db.transaction().execute(async (tx) => {
    const asked = personLookupHash(vault, appId, userId);
    const idNumbers = idNumbersOf(vault, await findPlaces(tx, appId, [asked]));
    if (idNumbers.size > 1) throw new DomainError<EraseErrorCode>('person_ambiguous');
    // Whoever is named by a mobile is erased wherever their ID number stands too.
    const hashes = [asked, ...Array.from(idNumbers, (idNumber) => personLookupHash(vault, appId, idNumber))];
    const places = await lockPlaces(tx, appId, hashes);
    const copies = await copiesToErase(context, tx, { appId, asked, places });
    if (places.length === 0 && copies.length === 0) return;
    const open = places.filter(({ state }) => state === 'signing' || state === 'draft' || state === 'pending');
    if (open.length > 0) {
      const count = new Set(open.map(({ flowRequestId }) => flowRequestId)).size;
      throw new DomainError<EraseErrorCode>('person_has_open_flows', { count: String(count) });
    }
    for (const place of places) await erasePlace(tx, appId, place, maskName);
    for (const copy of copies) await deleteCopy(tx, { appId, flowId: copy.flow_id, copyId: copy.copy_id });
    // What waits for its gateway has their address in it, and a link that opens nothing any more.
    const visits = [
      ...places.map(({ flowId, signerId }) => ({ flowId, visitorId: signerId })),
      ...copies.map((copy) => ({ flowId: copy.flow_id, visitorId: copy.copy_id })),
    ];
    for (const { flowId, visitorId } of visits) {
      if (flowId === null) continue;
      await context.messages.withdraw(tx, appId, await messagesTo(tx, { appId, flowId, visitorId }));
    }
    const personKeys = Array.from(idNumbers, (idNumber) => personKeyOf(vault, idNumber));
    let certificates = 0;
    for (const personKey of personKeys) certificates += await context.trust.erasePerson(tx, { appId, personKey });
    await appendAudit(tx, {
      appId,
      actor,
      action: 'person.erase',
      // The hash is keyed: it says who it was to whoever knows the number, and to nobody else.
      subject: `person:${asked.toString('hex').slice(0, 32)}`,
      detail: {
        places: places.length,
        flows: places.filter(({ flowId }) => flowId !== null).length,
        certificates,
        copies: copies.length,
      },
      at: clock.now(),
    });
  });
}

/**
 * The copies of a person: those to the mobile that was asked for; and, where they were named by their ID number, those to
 * a mobile of theirs that bear their name, since a family may share one.
 */
async function copiesToErase(
  { vault }: SigningContext,
  tx: Transaction,
  { appId, asked, places }: { appId: string; asked: Buffer; places: readonly PersonPlace[] },
): Promise<CopyRow[]> {
  const mobiles = new Set(places.flatMap((place) => openedOf(vault, place).mobile ?? []));
  const names = new Set(places.map(({ name }) => name));
  const keys = Array.from(mobiles, (mobile) => personLookupHash(vault, appId, mobile));
  const copies = await lockCopiesTo(tx, appId, [asked, ...keys]);
  return copies.filter(
    (copy) =>
      copy.mobile_key?.equals(asked) === true || names.has(openCopyPart(vault, copy.copy_id, 'name', copy.name_sealed)),
  );
}

/** Writes where the people of a request are found. */
export async function keepPersonKeys(
  { vault }: SigningContext,
  tx: Transaction,
  request: { appId: string; flowRequestId: string },
  signers: readonly StoredIndividual[],
): Promise<void> {
  const keys = signers.flatMap((signer) => {
    const { signerId } = signer;
    const { idNumber, mobile } = openedOf(vault, {
      signerId,
      sealedIdNumber: Buffer.from(signer.sealedIdNumber, 'base64'),
      sealedMobile: Buffer.from(signer.sealedMobile, 'base64'),
    });
    return [idNumber, mobile].flatMap((text) =>
      text === null ? [] : [{ signerId, keyHash: personLookupHash(vault, request.appId, text) }],
    );
  });
  await insertPersonKeys(tx, request, keys);
}

/** Finds the people of requests from before there were keys, some at a time; nothing is left to do soon. */
export async function backfillPersonKeys(context: SigningContext): Promise<void> {
  for (const { command, ...request } of await requestsWithoutPersonKeys(context.db, BACKFILL_ROWS_MAX)) {
    await context.db.transaction().execute((tx) => keepPersonKeys(context, tx, request, command.signers));
  }
}

function idNumbersOf(vault: Vault, places: readonly PersonPlace[]): Set<string> {
  return new Set(places.flatMap((place) => openedOf(vault, place).idNumber ?? []));
}

function openedOf(
  vault: Vault,
  place: { signerId: string; sealedIdNumber: Buffer | null; sealedMobile: Buffer | null },
): { idNumber: string | null; mobile: string | null } {
  const opened = (column: 'id_number' | 'mobile', sealed: Buffer | null): string | null =>
    sealed === null || sealed.length === 0 ? null : openPersonal(vault, place.signerId, column, sealed);
  return {
    idNumber: opened('id_number', place.sealedIdNumber)?.toUpperCase() ?? null,
    mobile: opened('mobile', place.sealedMobile),
  };
}
