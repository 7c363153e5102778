import type {
  FieldAnswer,
  FieldChoice,
  Handwriting,
  Point,
  SealAnswer,
  SignatureForm,
} from '../../../server/src/dialects/signer/contract.ts';

/** What the signer chose for a field, without its place. */
export type Signature =
  | { form: 'handwritten'; handwriting: Handwriting }
  | { form: 'template' | 'company'; seal: SealAnswer };

export interface Filled {
  signature: Signature;
  /** Where the placement is free; null elsewhere. */
  point: Point | null;
}

/** By field id. */
export type Choices = ReadonlyMap<string, Filled>;

/** Points: a handwriting's width where neither the field nor the seal says one. */
const HANDWRITING_WIDTH = 120;
/** Of a place that is still empty: about that of a name. */
const HANDWRITING_PROPORTION = 0.45;

/** Points: how large a signature stands in this field. */
export function sizeOf(field: FieldAnswer, signature: Signature | null, seals: readonly SealAnswer[]): Size {
  if (signature === null) {
    const [form] = field.forms;
    const seal = form === 'handwritten' ? undefined : seals.find(({ kind }) => kind === form);
    return seal === undefined ? sized(field.width ?? HANDWRITING_WIDTH, HANDWRITING_PROPORTION) : sealSize(field, seal);
  }
  if (signature.form !== 'handwritten') return sealSize(field, signature.seal);
  const { width, height } = signature.handwriting;
  return sized(field.width ?? HANDWRITING_WIDTH, height / width);
}
export interface Size {
  width: number;
  height: number;
}

function sealSize(field: FieldAnswer, seal: SealAnswer): Size {
  return sized(field.width ?? seal.width, seal.height / seal.width);
}

function sized(width: number, proportion: number): Size {
  return { width, height: width * proportion };
}

/** Which forms this field may really take: a seal needs one to choose. */
export function formsFor(field: FieldAnswer, seals: readonly SealAnswer[]): SignatureForm[] {
  return field.forms.filter((form) => form === 'handwritten' || seals.some(({ kind }) => kind === form));
}

/** Other fields that are still empty and may take the same. */
export function othersFor(
  fields: readonly FieldAnswer[],
  choices: Choices,
  field: FieldAnswer,
  form: SignatureForm,
): FieldAnswer[] {
  return fields.filter(
    (other) => other.fieldId !== field.fieldId && !choices.has(other.fieldId) && other.forms.includes(form),
  );
}

/** `signature` in each of `fields`. Who had a place keeps it; a free field without one gets `at`. */
export function fill(choices: Choices, fields: readonly FieldAnswer[], signature: Signature, at: Point): Choices {
  const filled = new Map(choices);
  for (const { fieldId, placement } of fields) {
    const point = placement.kind === 'free' ? (choices.get(fieldId)?.point ?? at) : null;
    filled.set(fieldId, { signature, point });
  }
  return filled;
}

export function move(choices: Choices, fieldId: string, point: Point): Choices {
  const filled = choices.get(fieldId);
  return filled === undefined ? choices : new Map(choices).set(fieldId, { ...filled, point });
}

/** Only what the task still has: fields and seals may have changed under an open page. */
export function stillPossible(choices: Choices, fields: readonly FieldAnswer[], seals: readonly SealAnswer[]): Choices {
  const kept = [...choices].filter(([fieldId, { signature, point }]) => {
    const field = fields.find((one) => one.fieldId === fieldId);
    if (field === undefined || !field.forms.includes(signature.form)) return false;
    if ((field.placement.kind === 'free') !== (point !== null)) return false;
    return signature.form === 'handwritten' || seals.some(({ sealId }) => sealId === signature.seal.sealId);
  });
  return kept.length === choices.size ? choices : new Map(kept);
}

/** What is sent, or null while a field is empty. */
export function choicesToSend(fields: readonly FieldAnswer[], choices: Choices): FieldChoice[] | null {
  const sent: FieldChoice[] = [];
  for (const { fieldId } of fields) {
    const filled = choices.get(fieldId);
    if (filled === undefined) return null;
    const { signature, point } = filled;
    const place = point === null ? {} : { points: [point] };
    sent.push(
      signature.form === 'handwritten'
        ? { fieldId, form: 'handwritten', handwriting: signature.handwriting, ...place }
        : { fieldId, form: signature.form, sealId: signature.seal.sealId, ...place },
    );
  }
  return sent;
}

/** The first field that is still empty after `after`, and from the start again; null when all are filled. */
export function nextEmpty(fields: readonly FieldAnswer[], choices: Choices, after: string | null): FieldAnswer | null {
  const from = fields.findIndex(({ fieldId }) => fieldId === after) + 1;
  const order = [...fields.slice(from), ...fields.slice(0, from)];
  return order.find(({ fieldId }) => !choices.has(fieldId)) ?? null;
}

/** Whether the field is signed with a pen or with a seal: what its place and its button say. */
export function actOf({ forms }: FieldAnswer): 'sign' | 'stamp' {
  return forms.includes('company') ? 'stamp' : 'sign';
}

/** Where the field first stands, if that is known before it is filled. */
export function firstPoint({ placement }: FieldAnswer): Point | null {
  if (placement.kind === 'page') return placement.points[0] ?? null;
  if (placement.kind === 'cross-page') return { page: placement.pages[0] ?? 1, x: 0, y: placement.y };
  return null;
}
