import { DomainError } from '../platform/errors.ts';
import { hexId } from '../platform/ids.ts';
import { maskEmail, maskMobile, maskName } from '../platform/masking.ts';
import { recordAct } from './act.ts';
import type { SigningContext } from './context.ts';
import { copiesOf, copyEvents, countAdded, deleteCopy, insertCopy } from './copy-store.ts';
import { sendCopies } from './flow-results.ts';
import { openCopyPart, personLookupHash, sealCopyPart } from './personal.ts';
import { messagesTo } from './person-store.ts';
import { findFlow, lockFlow } from './store.ts';
import type { CopyRow } from './tables.ts';
import type { SigningErrorCode } from './terms.ts';

/** Somebody who does not sign and gets the signed document (抄送). */
export interface AddCopy {
  readonly appId: string;
  readonly flowId: string;
  /** 1 to 64 characters. */
  readonly name: string;
  /** 11 digits. One of mobile and e-mail there must be. */
  readonly mobile: string | null;
  readonly email: string | null;
  readonly actor: string;
}

/** A copy as an operator sees it. */
export interface CopyView {
  readonly copyId: string;
  readonly name: string;
  /** Masked, as `email` is. */
  readonly mobile: string | null;
  readonly email: string | null;
  readonly addedAt: Date;
  /** When the message with their link was written; null before the flow is done, and where they cannot be written to. */
  readonly sentAt: Date | null;
  /** When they did so first. */
  readonly openedAt: Date | null;
  readonly downloadedAt: Date | null;
}

/**
 * - `flow_not_found`, `copy_not_found` {copyId}
 * - `copy_flow_over` {flowId, state}: copies are added while a flow is signed and after it is done
 * - `copy_invalid` {field, expected}
 * - `copy_there_already` {copyId}: another one goes to this mobile or e-mail address
 * - `too_many_copies` {limit}
 */
export type CopyErrorCode =
  | Extract<SigningErrorCode, 'flow_not_found'>
  | 'copy_not_found'
  | 'copy_flow_over'
  | 'copy_invalid'
  | 'copy_there_already'
  | 'too_many_copies';

/** Copies of a flow at one time. */
const COPIES_MAX = 20;
/** Those that were taken back counted too: after the end each one is a message to somebody. */
const COPIES_EVER_MAX = 100;
const NAME_LENGTH_MAX = 64;
const EMAIL_LENGTH_MAX = 254;
const MOBILE = /^1\d{10}$/;
/** What RFC 5321 allows without quotation marks: nothing in it can become a second address. */
const EMAIL = /^[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+$/i;

function refused(code: CopyErrorCode, params: Record<string, string>): DomainError<CopyErrorCode> {
  return new DomainError(code, params);
}

function invalid(field: string, expected: string): DomainError<CopyErrorCode> {
  return refused('copy_invalid', { field, expected });
}

function checkRecipient({ name, mobile, email }: Pick<AddCopy, 'name' | 'mobile' | 'email'>): void {
  const length = Array.from(name).length;
  if (length < 1 || length > NAME_LENGTH_MAX || /[\p{Cc}\p{Cs}]/u.test(name)) {
    throw invalid('name', `1 to ${NAME_LENGTH_MAX} characters`);
  }
  if (mobile === null && email === null) throw invalid('mobile', 'given, or an e-mail address');
  if (mobile !== null && !MOBILE.test(mobile)) throw invalid('mobile', '11 digits that begin with 1');
  if (email !== null && (email.length > EMAIL_LENGTH_MAX || !EMAIL.test(email))) {
    throw invalid('email', 'an e-mail address');
  }
}

/**
 * Adds somebody who gets the signed document. Before the flow is done nobody is written to; afterwards at once.
 *
 * @throws DomainError with a `CopyErrorCode`
 */
export async function addCopy(context: SigningContext, command: AddCopy): Promise<CopyView> {
  const { vault, clock } = context;
  const { appId, flowId, mobile, actor } = command;
  const given = { ...command, name: command.name.trim(), email: command.email?.toLowerCase() ?? null };
  checkRecipient(given);
  const { name, email } = given;
  return context.db.transaction().execute(async (tx) => {
    const flow = await lockFlow(tx, { appId, flowId });
    if (!flow) throw refused('flow_not_found', { flowId });
    if (flow.state !== 'signing' && flow.state !== 'done') {
      throw refused('copy_flow_over', { flowId, state: flow.state });
    }
    const copies = await copiesOf(tx, { appId, flowId });
    const same = copies.find((copy) => {
      const known = openedOf(context, copy);
      return (mobile !== null && known.mobile === mobile) || (email !== null && known.email === email);
    });
    if (same !== undefined) throw refused('copy_there_already', { copyId: same.copy_id });
    if (copies.length >= COPIES_MAX) throw refused('too_many_copies', { limit: String(COPIES_MAX) });
    if ((await countAdded(tx, { appId, flowId })) >= COPIES_EVER_MAX) {
      throw refused('too_many_copies', { limit: String(COPIES_EVER_MAX) });
    }
    const copyId = hexId();
    const at = clock.now();
    const row: CopyRow = {
      app_id: appId,
      flow_id: flowId,
      copy_id: copyId,
      name_sealed: sealCopyPart(vault, copyId, 'name', name),
      mobile_sealed: mobile === null ? null : sealCopyPart(vault, copyId, 'mobile', mobile),
      email_sealed: email === null ? null : sealCopyPart(vault, copyId, 'email', email),
      mobile_key: mobile === null ? null : personLookupHash(vault, appId, mobile),
      added_at: at,
    };
    await insertCopy(tx, row);
    const to = [mobile === null ? [] : maskMobile(mobile), email === null ? [] : maskEmail(email)].flat();
    const detail = { copyId, name: maskName(name), to };
    await recordAct(tx, { appId, flowId, signerId: null, kind: 'copy_added', actor, at, detail });
    if (flow.state === 'done') await sendCopies(context, tx, flow, [row], at);
    return viewOf(context, row, await copyEvents(tx, { appId, flowId }));
  });
}

/** The copies of a flow, in the order in which they were added. @throws DomainError flow_not_found */
export async function listCopies(context: SigningContext, appId: string, flowId: string): Promise<CopyView[]> {
  const key = { appId, flowId };
  if ((await findFlow(context.db, key)) === undefined) throw refused('flow_not_found', { flowId });
  const events = await copyEvents(context.db, key);
  return (await copiesOf(context.db, key)).map((copy) => viewOf(context, copy, events));
}

/** Takes a copy back: their link opens nothing any more, and what is known of them goes. */
export async function removeCopy(
  context: SigningContext,
  { appId, flowId, copyId, actor }: { appId: string; flowId: string; copyId: string; actor: string },
): Promise<void> {
  await context.db.transaction().execute(async (tx) => {
    if (!(await lockFlow(tx, { appId, flowId }))) throw refused('flow_not_found', { flowId });
    if (!(await deleteCopy(tx, { appId, flowId, copyId }))) throw refused('copy_not_found', { copyId });
    await context.messages.withdraw(tx, appId, await messagesTo(tx, { appId, flowId, visitorId: copyId }));
    const at = context.clock.now();
    await recordAct(tx, { appId, flowId, signerId: null, kind: 'copy_removed', actor, at, detail: { copyId } });
  });
}

function openedOf(
  { vault }: Pick<SigningContext, 'vault'>,
  { copy_id: copyId, name_sealed: name, mobile_sealed: mobile, email_sealed: email }: CopyRow,
): { name: string; mobile: string | null; email: string | null } {
  return {
    name: openCopyPart(vault, copyId, 'name', name),
    mobile: mobile && openCopyPart(vault, copyId, 'mobile', mobile),
    email: email && openCopyPart(vault, copyId, 'email', email),
  };
}

function viewOf(context: SigningContext, copy: CopyRow, events: Awaited<ReturnType<typeof copyEvents>>): CopyView {
  const { name, mobile, email } = openedOf(context, copy);
  const whenFirst = (kind: (typeof events)[number]['kind']): Date | null =>
    events.find((event) => event.copyId === copy.copy_id && event.kind === kind)?.at ?? null;
  return {
    copyId: copy.copy_id,
    name,
    mobile: mobile && maskMobile(mobile),
    email: email && maskEmail(email),
    addedAt: copy.added_at,
    sentAt: whenFirst('result_sent'),
    openedAt: whenFirst('opened'),
    downloadedAt: whenFirst('downloaded'),
  };
}
