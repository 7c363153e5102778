import { memo, type ReactNode } from 'react';
import type { DocumentAnswer, FieldAnswer } from '../../../../server/src/dialects/signer/contract.ts';
import { actOf, sizeOf, type Choices, type Filled, type Signature } from '../choices.ts';
import { handwritingPath } from '../handwriting.ts';
import { boxOf, isWithin, type PageLayout, type PageRange } from '../page-layout.ts';
import { useSpeech } from '../texts/texts.ts';

interface MarksProps {
  document: DocumentAnswer;
  layout: PageLayout;
  /** Marks elsewhere are not made, but for a field's first, to which the keyboard goes. */
  near: PageRange;
  choices: Choices;
  /** The field that was gone to. */
  activeId: string | null;
  onOpen: (field: FieldAnswer) => void;
}

/** Where the signer signs, over the pages. What is placed freely stands elsewhere: `FreeMarks`. */
export const Marks = memo(function Marks({ document, layout, near, choices, activeId, onOpen }: MarksProps) {
  const { texts } = useSpeech();
  const { document: words } = texts;
  return document.fields.map((field, index) => {
    const filled = choices.get(field.fieldId) ?? null;
    const what = words[actOf(field)];
    const label = (filled === null ? words.markEmpty : words.markFilled)(what, index + 1, document.fields.length);
    const state = `${filled === null ? 'empty' : 'filled'}${activeId === field.fieldId ? ' active' : ''}`;
    const places = boxesOf(field, filled, document, layout).filter((one) => one.isFirst || isWithin(near, one.page));
    return places.map(({ key, box, slice, isFirst }) => (
      <button
        key={key}
        type="button"
        className={`mark ${state} ${slice === null ? '' : 'slice'}`}
        style={box}
        // One act fills all places of a field: the keyboard comes to the first.
        aria-label={label}
        {...(isFirst ? { 'data-field': field.fieldId } : { tabIndex: -1 })}
        onClick={() => onOpen(field)}
      >
        {filled === null ? (
          <MarkHint>{slice === null ? words.markHint[actOf(field)] : ''}</MarkHint>
        ) : (
          <SignaturePicture signature={filled.signature} slice={slice} />
        )}
      </button>
    ));
  });
});

/** Points: about as large as a date is written. */
const DATE_SIZE = { width: 90, height: 16 };

/** Dates come with the signature: nobody writes them. */
export const DateMarks = memo(function DateMarks({
  document,
  layout,
  near,
}: {
  document: DocumentAnswer;
  layout: PageLayout;
  near: PageRange;
}) {
  const { texts } = useSpeech();
  const places = document.fields.flatMap(({ fieldId, datePoints }) =>
    datePoints
      .filter(({ page }) => isWithin(near, page))
      .map((point, index) => ({
        key: `${fieldId}/${index}`,
        box: boxOf(layout, document.pages, point, DATE_SIZE),
      })),
  );
  return places.map(({ key, box }) => (
    <span key={key} className="mark-date" style={box}>
      {texts.document.date}
    </span>
  ));
});

interface Place {
  key: string;
  page: number;
  isFirst: boolean;
  box: { left: number; top: number; width: number; height: number };
  /** Of a seal over several pages' edges: which part of it. */
  slice: Slice | null;
}
interface Slice {
  index: number;
  count: number;
}

function boxesOf(field: FieldAnswer, filled: Filled | null, document: DocumentAnswer, layout: PageLayout): Place[] {
  const { placement } = field;
  const size = sizeOf(field, filled?.signature ?? null, document.seals);
  if (placement.kind === 'page') {
    return placement.points.map((point, index) => ({
      key: `${field.fieldId}/${index}`,
      page: point.page,
      isFirst: index === 0,
      box: boxOf(layout, document.pages, point, size),
      slice: null,
    }));
  }
  if (placement.kind === 'free') return [];
  const { pages, y } = placement;
  return pages.map((page, index) => {
    const width = size.width / pages.length;
    const x = (document.pages[page - 1]?.width ?? 0) - width / 2;
    const box = boxOf(layout, document.pages, { page, x, y }, { width, height: size.height });
    return { key: `${field.fieldId}/${index}`, page, isFirst: index === 0, box, slice: { index, count: pages.length } };
  });
}

function MarkHint({ children }: { children: ReactNode }) {
  return (
    <span className="mark-hint" aria-hidden="true">
      {children}
    </span>
  );
}

/** As it will stand there, near enough; the preview shows it exactly. */
export function SignaturePicture({ signature, slice = null }: { signature: Signature; slice?: Slice | null }) {
  if (signature.form === 'handwritten') {
    const { handwriting } = signature;
    const longer = Math.max(handwriting.width, handwriting.height);
    return (
      <svg
        className="ink"
        viewBox={`0 0 ${handwriting.width} ${handwriting.height}`}
        strokeWidth={longer / 62}
        aria-hidden="true"
      >
        <path d={handwritingPath(handwriting)} />
      </svg>
    );
  }
  const { pictureUrl } = signature.seal;
  if (slice === null) return <img src={pictureUrl} alt="" draggable={false} />;
  const { index, count } = slice;
  return (
    <span className="seal-slice">
      <img
        src={pictureUrl}
        alt=""
        draggable={false}
        style={{ width: `${count * 100}%`, transform: `translateX(${(-index * 100) / count}%)` }}
      />
    </span>
  );
}
