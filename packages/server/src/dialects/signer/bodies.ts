import { Type, type Static } from 'typebox';
import type { FieldChoice } from '../../signing/index.ts';

/** What the page sends. Limits of what is drawn are signing's to check; here are those of what is read at all. */

const strict = { additionalProperties: false } as const;
const Id = Type.String({ minLength: 1, maxLength: 64, pattern: '^[\\w-]+$' });
const Length = Type.Number({ minimum: -100_000, maximum: 100_000 });
const PageNumber = Type.Integer({ minimum: 1, maximum: 100_000 });

export const SessionBody = Type.Object({ token: Type.String({ maxLength: 256 }) }, strict);
export const CodeBody = Type.Object({ code: Type.String({ pattern: '^[0-9]{6}$' }) }, strict);
export const ConsentBody = Type.Object({ version: Type.String({ minLength: 1, maxLength: 32 }) }, strict);
export const ConfirmBody = Type.Object({ previewId: Id }, strict);
export const RefuseBody = Type.Object({ reason: Type.String({ minLength: 1, maxLength: 1_000 }) }, strict);
export const ViewsBody = Type.Object(
  {
    views: Type.Array(
      Type.Object({ page: PageNumber, milliseconds: Type.Number({ minimum: 0, maximum: 86_400_000 }) }, strict),
      { maxItems: 2_000 },
    ),
  },
  strict,
);

const Point = Type.Object({ page: PageNumber, x: Length, y: Length }, strict);
const Points = Type.Optional(Type.Array(Point, { minItems: 1, maxItems: 20 }));
const Stroke = Type.Object(
  { points: Type.Array(Type.Tuple([Length, Length, Type.Number({ minimum: 0, maximum: 1 })]), { minItems: 1 }) },
  strict,
);
const Handwriting = Type.Object(
  { width: Length, height: Length, strokes: Type.Array(Stroke, { minItems: 1, maxItems: 200 }) },
  strict,
);
const Choice = Type.Union([
  Type.Object({ fieldId: Id, form: Type.Literal('handwritten'), handwriting: Handwriting, points: Points }, strict),
  Type.Object(
    {
      fieldId: Id,
      form: Type.Union([Type.Literal('template'), Type.Literal('company')]),
      sealId: Id,
      points: Points,
    },
    strict,
  ),
]);
export const ChoicesBody = Type.Object({ choices: Type.Array(Choice, { minItems: 1, maxItems: 200 }) }, strict);

export const PageParams = Type.Object({ page: PageNumber });
export const PreviewPageParams = Type.Object({ previewId: Id, page: PageNumber });
export const SealParams = Type.Object({ sealId: Id });
export const NamedQuery = Type.Object({ session: Type.Optional(Type.String({ maxLength: 64 })) });
export const PictureQuery = Type.Object({
  session: Type.Optional(Type.String({ maxLength: 64 })),
  width: Type.Integer({ minimum: 1, maximum: 10_000 }),
  of: Type.Optional(Type.String({ maxLength: 128 })),
});

/** The choices in signing's words: an absent key and an undefined one are the same there. */
export function choicesOf({ choices }: Static<typeof ChoicesBody>): FieldChoice[] {
  return choices.map(({ points, ...choice }) => (points === undefined ? choice : { ...choice, points }));
}
