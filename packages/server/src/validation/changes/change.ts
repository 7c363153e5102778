/** What a later save did to the file, in the words of `words.ts`. */
export type ChangeCode = AlwaysAllowed | Conditional | Forbidden;

/** What signing, and keeping signatures verifiable, does to a file. */
type AlwaysAllowed =
  | 'signature_added'
  | 'timestamp_added'
  | 'signature_field_added'
  | 'validation_data_added'
  | 'metadata_changed'
  | 'form_settings_changed'
  | 'space_appended';

/** What a signature may allow: filling in with DocMDP 2, annotating with DocMDP 3, or a field that FieldMDP leaves open. */
type Conditional = 'field_filled' | 'annotation_added' | 'annotation_changed' | 'annotation_removed';

type Forbidden =
  | 'page_text_changed'
  | 'page_resource_changed'
  | 'image_changed'
  | 'font_changed'
  | 'page_size_changed'
  | 'page_changed'
  | 'page_added'
  | 'page_removed'
  | 'pages_rearranged'
  | 'seal_covered'
  | 'signature_removed'
  | 'signature_replaced'
  | 'seal_changed'
  | 'unsigned_seal_added'
  | 'field_added'
  | 'field_removed'
  | 'field_changed'
  | 'form_changed'
  | 'action_changed'
  | 'layers_changed'
  | 'names_changed'
  | 'outline_changed'
  | 'structure_changed'
  | 'attachments_changed'
  | 'permissions_changed'
  | 'encryption_changed'
  | 'catalog_changed'
  | 'catalog_replaced'
  | 'object_redirected'
  | 'hidden_bytes'
  | 'ambiguous_object'
  | 'bytes_appended'
  | 'history_replaced'
  | 'object_changed';

export type Change = {
  code: ChangeCode;
  /** The save that made it, from 0. */
  revision: number;
  /** From 1; undefined where it is on none or not known on which. */
  page?: number | undefined;
  /** Full name of the form's field. */
  field?: string | undefined;
  /** Of the object that changed, for those who look into the file. */
  objectNumber?: number | undefined;
  /** Of a signature or timestamp that was added: its dictionary's object. */
  signature?: number | undefined;
};

const CONDITIONAL: ReadonlySet<ChangeCode> = new Set<Conditional>([
  'field_filled',
  'annotation_added',
  'annotation_changed',
  'annotation_removed',
]);

const ALWAYS_ALLOWED: ReadonlySet<ChangeCode> = new Set<AlwaysAllowed>([
  'signature_added',
  'timestamp_added',
  'signature_field_added',
  'validation_data_added',
  'metadata_changed',
  'form_settings_changed',
  'space_appended',
]);

/** With DocMDP 1 nothing may follow but what keeps the signature verifiable (ISO 32000-2, table 257). */
const ALLOWED_AT_LEVEL_1: ReadonlySet<ChangeCode> = new Set<AlwaysAllowed>([
  'timestamp_added',
  'validation_data_added',
  'space_appended',
]);

export function isConditional(code: ChangeCode): boolean {
  return CONDITIONAL.has(code);
}

export function isAlwaysAllowed(code: ChangeCode): boolean {
  return ALWAYS_ALLOWED.has(code);
}

export function isAllowedAtLevel1(code: ChangeCode): boolean {
  return ALLOWED_AT_LEVEL_1.has(code);
}
