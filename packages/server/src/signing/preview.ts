import { setImmediate } from 'node:timers/promises';
import type { PageImage, PageSize, Widget } from '../documents/index.ts';
import { isDomainError } from '../platform/errors.ts';
import { hexId } from '../platform/ids.ts';
import { recordAct } from './act.ts';
import { sharedHandwritings, type FieldChoice, type Handwriting } from './choices.ts';
import { readingSecondsOf } from './app-settings.ts';
import type { SigningContext } from './context.ts';
import { HANDWRITING_LENGTH_MAX, handwritingLength } from '../seals/index.ts';
import { chosenDrawing, placedField, type Chooser } from './drawing.ts';
import { layoutField, placesOf } from './field-layout.ts';
import { countPreviews, findPreview, insertPreview } from './signer-store.ts';
import { readingSecondsLeft, signerFields, signerSeals, type SignerField } from './signer-task.ts';
import { actOf, keyOf, placeOf, refused, requireConsent, requireTurn, type Visit } from './signer-visit.ts';
import { signedFieldIds } from './store.ts';
import type { FlowRow, PreviewRow, SignerRow } from './tables.ts';

const POINTS_MAX = 20;
const STROKES_MAX = 200;
const STROKE_POINTS_MAX = 10_000;
const HANDWRITING_SIZE_MAX = 10_000;
/** Of all different handwritings of a signer, as `HANDWRITING_LENGTH_MAX` of one: a name is some 8. */
const HANDWRITINGS_LENGTH_MAX = 300;
const PREVIEWS_AN_HOUR_MAX = 120;
const HOUR_MS = 3_600_000;
/** What fills the room of a signature that nobody makes. */
const NOBODY = { digestAlgorithm: 'sha256', signatureBytesMax: 16, signDetached: async () => Buffer.alloc(0) } as const;

/** Stamped files kept while their signer looks at them, by the bytes that they take together. */
const KEPT_BYTES_MAX = 64 * 1024 * 1024;

/** The newest stamped files of previews. One that is gone is made again. */
export class PreviewFiles {
  readonly #files = new Map<string, Buffer>();
  #bytes = 0;

  get(previewId: string): Buffer | undefined {
    return this.#files.get(previewId);
  }

  put(previewId: string, file: Buffer): void {
    this.#files.set(previewId, file);
    this.#bytes += file.length;
    for (const [oldest, { length }] of this.#files) {
      if (this.#bytes <= KEPT_BYTES_MAX || oldest === previewId) return;
      this.#files.delete(oldest);
      this.#bytes -= length;
    }
  }
}

/**
 * Shows what would be signed: the newest revision with the signer's seals and handwriting in it, signed by nobody. The
 * file is made once whole, so that what cannot be signed is refused here and not after the confirmation. The preview is
 * bound to the choices, the revision and the session.
 */
export async function makePreview(
  context: SigningContext,
  files: PreviewFiles,
  visit: Visit,
  choices: readonly FieldChoice[],
): Promise<{ previewId: string; pages: number[] }> {
  const { flow, signer } = await placeOf(context, visit);
  const at = context.clock.now();
  requireTurn(flow, signer, at);
  requireConsent(visit);
  const since = new Date(at.getTime() - HOUR_MS);
  if ((await countPreviews(context.db, visit.session, since)) >= PREVIEWS_AN_HOUR_MAX) {
    throw refused('signer_too_many', { retryAfter: '60' });
  }
  await checkChoices(context, flow, signer, choices);
  const key = keyOf(visit);
  // Read before the file: a signature that comes in between is one that the picture may lack.
  const signedFields = await signedFieldIds(context.db, key);
  const stamped = await stampedFile(context, flow, signer, choices, at);
  const previewId = hexId();
  files.put(previewId, stamped.file);
  const places = placesOf(stamped.widgets);
  await context.db.transaction().execute(async (tx) => {
    await insertPreview(tx, {
      app_id: key.appId,
      preview_id: previewId,
      flow_id: key.flowId,
      signer_id: key.signerId,
      session_id: visit.session.session_id,
      file_id: flow.file_id,
      choices: JSON.stringify(choices),
      places: JSON.stringify(places),
      signed_fields: JSON.stringify(signedFields),
      created_at: at,
    });
    const fields = choices.map(({ fieldId, form }) => ({ fieldId, form }));
    await recordAct(tx, actOf(visit, { kind: 'previewed', at, detail: { previewId, fileId: flow.file_id, fields } }));
  });
  return { previewId, pages: [...new Set(places.map(({ page }) => page))].toSorted((a, b) => a - b) };
}

/** A page of a preview of this session. */
export async function previewPage(
  context: SigningContext,
  files: PreviewFiles,
  visit: Visit,
  wanted: { previewId: string; page: number; widthPixels: number },
): Promise<PageImage> {
  requireConsent(visit);
  const preview = await findPreview(context.db, visit.session, wanted.previewId);
  if (!preview) throw refused('signer_preview_gone');
  const { page, widthPixels } = wanted;
  const read = async (): Promise<Buffer> => files.get(wanted.previewId) ?? stampedAgain(context, files, visit, preview);
  return context.pageImages.render({ pdf: { key: `preview:${wanted.previewId}`, read }, page, widthPixels });
}

async function stampedAgain(
  context: SigningContext,
  files: PreviewFiles,
  visit: Visit,
  preview: PreviewRow,
): Promise<Buffer> {
  const { flow, signer } = await placeOf(context, visit);
  const then = { ...flow, file_id: preview.file_id };
  const { file } = await stampedFile(context, then, signer, preview.choices, preview.created_at);
  files.put(preview.preview_id, file);
  return file;
}

async function stampedFile(
  context: SigningContext,
  flow: FlowRow,
  signer: SignerRow,
  choices: readonly FieldChoice[],
  at: Date,
): Promise<{ file: Buffer; widgets: Widget[] }> {
  const chooser = await chooserOf(context, flow, signer);
  const fields = await signerFields(context, flow, signer);
  const shared = sharedHandwritings(choices);
  const widgets: Widget[] = [];
  const source = await context.documents.readFile({ appId: flow.app_id, fileId: flow.file_id });
  const stamped = await context.pdf.sign({
    pdf: source.bytes,
    async place(pages) {
      for (const { row } of fields) {
        const choice = shared.find(({ fieldId }) => fieldId === row.field_id);
        if (!choice) throw refused('signer_choice_invalid', { reason: 'a field has no choice' });
        // Between two drawings whoever else waits has their turn.
        if (choice.form === 'handwritten') await setImmediate();
        widgets.push(...(await widgetsOf(context, chooser, row.field, choice, pages, at)));
      }
      return widgets.map((widget, index) => ({ fieldName: `preview-${hexId()}-${index}`, widget }));
    },
    signer: NOBODY,
    signedAt: at,
    limits: { bytesMax: context.signedBytesMax },
  });
  return { file: Buffer.concat(stamped.pieces), widgets };
}

async function widgetsOf(
  context: SigningContext,
  chooser: Chooser,
  field: SignerField['row']['field'],
  choice: FieldChoice,
  pages: readonly PageSize[],
  at: Date,
): Promise<Widget[]> {
  const drawing = await chosenDrawing(context, chooser, field, choice, at);
  const layout = layoutField(placedField(field, choice), drawing, pages);
  if (!layout.ok) throw refused('signer_choice_invalid', { reason: layout.reason });
  return layout.widgets;
}

async function chooserOf(context: SigningContext, flow: FlowRow, signer: SignerRow): Promise<Chooser> {
  if (signer.kind === 'individual') return { kind: 'individual', name: signer.name };
  const org = await context.parties.findOrg(context.db, flow.app_id, signer.org_no ?? '');
  if (!org) throw refused('signer_flow_over');
  return { kind: 'company', org };
}

/** One choice for each field, in a form that it allows, with a seal that is theirs, and points where they are asked for. */
export async function checkChoices(
  context: SigningContext,
  flow: FlowRow,
  signer: SignerRow,
  choices: readonly FieldChoice[],
): Promise<void> {
  const fields = await signerFields(context, flow, signer);
  const chooser = await chooserOf(context, flow, signer);
  checkLengths(choices);
  if (chooser.kind === 'company' && chooser.org.verifiedAt === null) throw refused('signer_company_not_verified');
  const invalid = (reason: string) => refused('signer_choice_invalid', { reason });
  const chosen = new Map(choices.map((choice) => [choice.fieldId, choice]));
  if (chosen.size !== choices.length || chosen.size !== fields.length) throw invalid('one choice for each field');
  const seals = await signerSeals(context, flow, signer, fields).catch((error: unknown) => {
    if (isDomainError(error, 'seal_not_reviewed', 'seal_rejected')) throw invalid('the seal may not sign now');
    throw error;
  });
  const sealIds = new Set(seals.map(({ sealId }) => sealId));
  for (const { row, forms } of fields) {
    const choice = chosen.get(row.field_id);
    if (!choice) throw invalid('one choice for each field');
    if (!forms.includes(choice.form)) throw invalid('the field may not be signed in this form');
    if (choice.form === 'handwritten') checkHandwriting(choice.handwriting);
    else if (!sealIds.has(choice.sealId)) throw invalid('no such seal');
    const isFree = row.field.placement.kind === 'free';
    const count = choice.points?.length ?? 0;
    if (isFree ? count < 1 || count > POINTS_MAX : choice.points !== undefined) throw invalid('points');
  }
}

/** Nobody writes so much, and drawing it would hold up everybody else. */
function checkLengths(choices: readonly FieldChoice[]): void {
  const shared = sharedHandwritings(choices).flatMap((choice) =>
    choice.form === 'handwritten' ? [choice.handwriting] : [],
  );
  const lengths = [...new Set(shared)].map(handwritingLength);
  const most =
    `strokes of at most ${HANDWRITING_LENGTH_MAX} times the longer side of the box, ` +
    `and ${HANDWRITINGS_LENGTH_MAX} times in all the different handwritings`;
  if (lengths.some((length) => length > HANDWRITING_LENGTH_MAX))
    throw refused('signer_choice_invalid', { reason: most });
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (total > HANDWRITINGS_LENGTH_MAX) throw refused('signer_choice_invalid', { reason: most });
}

/** Something was written, within its box, in as many points as a hand makes. */
function checkHandwriting({ width, height, strokes }: Handwriting): void {
  const invalid = (reason: string) => refused('signer_choice_invalid', { reason });
  const isSize = (length: number): boolean => length >= 1 && length <= HANDWRITING_SIZE_MAX;
  const isInProportion = width / height <= 10 && height / width <= 10;
  if (!isSize(width) || !isSize(height) || !isInProportion) throw invalid('the size of the handwriting');
  const points = strokes.flatMap((stroke) => stroke.points);
  if (strokes.length < 1 || strokes.length > STROKES_MAX || points.length > STROKE_POINTS_MAX) throw invalid('strokes');
  const isInside = points.every(
    ([x, y, pressure]) => x >= 0 && x <= width && y >= 0 && y <= height && pressure >= 0 && pressure <= 1,
  );
  if (!isInside) throw invalid('a point beyond the box');
  const spread = (values: number[]): number => Math.max(...values) - Math.min(...values);
  // A slip of the finger is no signature.
  const inked = points.length < 2 ? 0 : Math.max(spread(points.map(([x]) => x)), spread(points.map(([, y]) => y)));
  if (inked < Math.max(width, height) * 0.05) throw invalid('nothing was written');
}

/**
 * The document was shown, if need be for as long as it must.
 *
 * @throws DomainError signer_reading_time_left, signer_step_missing
 */
export async function requireReading(context: SigningContext, signer: SignerRow): Promise<void> {
  const readingSeconds = await readingSecondsOf(context, signer.app_id);
  const left = readingSecondsLeft({ clock: context.clock, readingSeconds }, signer);
  if (left > 0) throw refused('signer_reading_time_left', { retryAfter: String(left) });
  if (signer.document_opened_at === null) throw refused('signer_step_missing');
}
