import type { PageSize } from '../documents/index.ts';
import { isDomainError } from '../platform/errors.ts';
import { maskMobile, maskName } from '../platform/masking.ts';
import type { Appearance } from '../documents/index.ts';
import { readingSecondsOf } from './app-settings.ts';
import { CONSENT } from './consent.ts';
import type { SigningContext } from './context.ts';
import { PERSONAL_SEAL_ID } from './drawing.ts';
import type { SignerState } from './flow.ts';
import { whoSigns } from './links.ts';
import { secondsUntil } from './code-check.ts';
import { keyOf, placeOf, type Visit } from './signer-visit.ts';
import { stalledSince } from './stall-store.ts';
import { fieldsOf, signersOf } from './store.ts';
import type { FieldRow, FlowRow, SignerRow } from './tables.ts';
import type { IndividualField } from './terms.ts';

export type SignerStep =
  | 'waiting'
  | 'identity'
  | 'consent'
  | 'document'
  | 'sealing'
  | 'signed'
  | 'refused'
  | 'revoked'
  | 'expired'
  | 'flow_refused';

export type ChosenForm = 'handwritten' | 'template' | 'company';

export interface SignerSeal {
  readonly sealId: string;
  readonly kind: 'template' | 'company';
  readonly label: string;
  readonly appearance: Appearance;
}

export interface SignerField {
  readonly row: FieldRow;
  /** The first is the default. */
  readonly forms: readonly ChosenForm[];
}

export interface SignerDocument {
  readonly pages: readonly PageSize[];
  readonly sha256: string;
  readonly fields: readonly SignerField[];
  readonly seals: readonly SignerSeal[];
  readonly readingSeconds: number;
  readonly readingSecondsLeft: number;
}

/** What a signer has to do now and what they may know; or somebody who gets a copy, who has nothing to do. */
export interface SignerTask {
  readonly role: 'signer' | 'copy';
  readonly step: SignerStep;
  readonly initiator: { readonly companyName: string; readonly memberName: string | null; readonly appName: string };
  readonly subject: string;
  readonly signer: { readonly name: string; readonly maskedMobile: string; readonly signsFor: string | null };
  readonly deadline: Date | null;
  readonly parties: readonly { readonly name: string; readonly state: SignerState; readonly isSelf: boolean }[];
  readonly checkedAt: Date | null;
  readonly consent: typeof CONSENT & { readonly agreedAt: Date | null };
  readonly document: SignerDocument | null;
  readonly reason: string | null;
  readonly endedAt: Date | null;
  readonly isArchived: boolean;
  /** Since when a signature that this signer waits for cannot be made, their own or another's; null where it can. */
  readonly delayedSince: Date | null;
}

/** Where a signer stands: what is done decides, not what was clicked. */
export function stepOf(
  flow: Pick<FlowRow, 'state'>,
  signer: Pick<SignerRow, 'state' | 'confirmed_at'>,
  session: { checked_at: Date | null; consented_at: Date | null },
): SignerStep {
  if (signer.state === 'refused') return 'refused';
  if (flow.state === 'refused') return 'flow_refused';
  if (flow.state === 'revoked' || flow.state === 'expired') return flow.state;
  // The document is shown to who signed it, not to who holds their link.
  if (signer.state === 'signed' || flow.state === 'done') return session.checked_at === null ? 'identity' : 'signed';
  if (signer.state === 'waiting') return 'waiting';
  if (signer.confirmed_at !== null) return 'sealing';
  if (session.checked_at === null) return 'identity';
  return session.consented_at === null ? 'consent' : 'document';
}

/** The task of a visit's signer. */
export async function taskOf(context: SigningContext, visit: Visit): Promise<SignerTask> {
  const { db } = context;
  const { session } = visit;
  const { flow, signer } = await placeOf(context, visit);
  const who = await whoSigns(context, db, flow, signer);
  const all = await signersOf(db, keyOf(visit));
  const step = stepOf(flow, signer, session);
  const isKnown = session.checked_at !== null;
  return {
    role: 'signer',
    step,
    initiator: await initiatorOf(context, flow),
    subject: flow.subject,
    signer: {
      name: who.name,
      maskedMobile: who.mobile === null ? '' : maskMobile(who.mobile),
      signsFor: signer.kind === 'company' ? signer.name : null,
    },
    deadline: flow.sign_validity,
    parties: inOrder(all).map((row) => ({
      name: partyName(row, signer, isKnown),
      state: row.state,
      isSelf: isSame(row, signer),
    })),
    checkedAt: session.checked_at,
    consent: { ...CONSENT, agreedAt: session.consented_at },
    document: await documentOf(context, visit, flow, signer, step),
    reason: step === 'refused' || step === 'flow_refused' || step === 'revoked' ? flow.reason : null,
    endedAt: flow.ended_at ?? signer.ended_at,
    isArchived: flow.state === 'done',
    delayedSince: await delayedSince(context, visit, flow, step),
  };
}

/** Only who waits for a signature is told: their own once they confirmed, any before and after. */
async function delayedSince(
  { db }: SigningContext,
  visit: Visit,
  flow: FlowRow,
  step: SignerStep,
): Promise<Date | null> {
  if (flow.state !== 'signing') return null;
  const { appId, flowId, signerId } = keyOf(visit);
  if (step === 'sealing') return stalledSince(db, { appId, flowId, signerId });
  return step === 'waiting' || step === 'signed' ? stalledSince(db, { appId, flowId }) : null;
}

/** Who asks for the signatures of a flow. */
export async function initiatorOf(
  { db, parties, apps }: Pick<SigningContext, 'db' | 'parties' | 'apps'>,
  flow: FlowRow,
): Promise<SignerTask['initiator']> {
  const initiator = await parties.findMember(db, flow.app_id, flow.initiator_member_no);
  const org = await parties.findOrg(db, flow.app_id, flow.initiator_org_no);
  const app = await apps.find(flow.app_id);
  return {
    companyName: org?.orgName ?? '',
    memberName: initiator?.member.memberName ?? null,
    appName: app?.name ?? '',
  };
}

/** Signers as they sign. */
export function inOrder(signers: readonly SignerRow[]): SignerRow[] {
  return signers.toSorted((a, b) => a.sign_order - b.sign_order || a.position - b.position);
}

function isSame(a: SignerRow, b: SignerRow): boolean {
  return a.signer_id === b.signer_id;
}

/** Who has not proved who they are learns no other person's whole name. */
export function partyName(row: SignerRow, self: SignerRow | null, isKnown: boolean): string {
  const isSelf = self !== null && isSame(row, self);
  return isKnown || row.kind === 'company' || isSelf ? row.name : maskName(row.name);
}

async function documentOf(
  context: SigningContext,
  visit: Visit,
  flow: FlowRow,
  signer: SignerRow,
  step: SignerStep,
): Promise<SignerDocument | null> {
  const { checked_at: checkedAt, consented_at: consentedAt } = visit.session;
  const isRead = (step === 'document' || step === 'sealing') && consentedAt !== null;
  if (checkedAt === null || !(isRead || step === 'signed')) return null;
  const key = { appId: flow.app_id, fileId: flow.file_id };
  const file = await context.documents.findFile(key);
  const fields = step === 'document' ? await signerFields(context, flow, signer) : [];
  const readingSeconds = step === 'document' ? await readingSecondsOf(context, flow.app_id) : 0;
  return {
    pages: await context.pageSizes.of(key),
    sha256: file?.sha256 ?? '',
    fields,
    seals: await signerSeals(context, flow, signer, fields),
    readingSeconds,
    readingSecondsLeft: readingSecondsLeft({ clock: context.clock, readingSeconds }, signer),
  };
}

/** How long the document must still be open before it can be signed. It is open since its first page was shown. */
export function readingSecondsLeft(
  { clock, readingSeconds = 0 }: Pick<SigningContext, 'clock' | 'readingSeconds'>,
  signer: Pick<SignerRow, 'document_opened_at'>,
): number {
  if (readingSeconds === 0) return 0;
  if (signer.document_opened_at === null) return readingSeconds;
  const over = new Date(signer.document_opened_at.getTime() + readingSeconds * 1_000);
  return over <= clock.now() ? 0 : Number(secondsUntil(over, clock.now()));
}

/** The fields that a signer signs by hand, and how each may be signed. */
export async function signerFields(
  context: Pick<SigningContext, 'db' | 'seals'>,
  flow: FlowRow,
  signer: SignerRow,
): Promise<SignerField[]> {
  const key = { appId: flow.app_id, flowId: flow.flow_id };
  const rows = (await fieldsOf(context.db, key, signer.signer_id)).filter((row) => !row.auto_execute);
  if (signer.kind === 'company') return rows.map((row) => ({ row, forms: ['company'] }));
  const hasSeal = (await personalSealOf(context, signer)) !== undefined;
  return rows.map((row) => {
    const { forms } = row.field as IndividualField;
    const allowed = forms.length === 0 ? (['handwritten', 'template'] as const) : forms;
    return { row, forms: allowed.filter((form) => form !== 'template' || hasSeal) };
  });
}

/** Undefined where the font cannot write the name: a seal with a hole in it is none. */
async function personalSealOf(
  { seals }: Pick<SigningContext, 'seals'>,
  signer: SignerRow,
): Promise<Appearance | undefined> {
  return seals.personalSeal(signer.name).catch((error: unknown) => {
    if (isDomainError(error, 'seal_character_missing')) return undefined;
    throw error;
  });
}

/** The seals that a signer may choose from for these fields. */
export async function signerSeals(
  context: Pick<SigningContext, 'db' | 'seals' | 'parties'>,
  flow: FlowRow,
  signer: SignerRow,
  fields: readonly SignerField[],
): Promise<SignerSeal[]> {
  if (fields.length === 0) return [];
  if (signer.kind === 'individual') {
    const appearance = fields.some(({ forms }) => forms.includes('template'))
      ? await personalSealOf(context, signer)
      : undefined;
    return appearance === undefined
      ? []
      : [{ sealId: PERSONAL_SEAL_ID, kind: 'template', label: '个人印章', appearance }];
  }
  const org = await context.parties.findOrg(context.db, flow.app_id, signer.org_no ?? '');
  if (!org) return [];
  const { appId, etcOrgNo, orgName: companyName } = org;
  const seals = await context.seals.companySeals(context.db, { appId, etcOrgNo, companyName });
  return seals.map(({ sealId, alias, appearance }) => ({ sealId, kind: 'company', label: alias, appearance }));
}
