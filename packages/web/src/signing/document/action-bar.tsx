import type { FieldAnswer } from '../../../../server/src/dialects/signer/contract.ts';
import { actOf, firstPoint, nextEmpty, type Choices } from '../choices.ts';
import { useSpeech } from '../texts/texts.ts';

export interface Actions {
  fields: readonly FieldAnswer[];
  choices: Choices;
  activeId: string | null;
  /** The page that is read. */
  page: number;
  /** Seconds. */
  readingLeft: number;
  isPreviewing: boolean;
  onPreview: () => void;
  onGoTo: (field: FieldAnswer) => void;
  onOpen: (field: FieldAnswer) => void;
  /** Puts what is placed freely where the document is read. */
  onMoveHere: (field: FieldAnswer) => void;
}

/** The one thing to do next, where a thumb is. */
export function ActionBar(actions: Actions) {
  const { texts } = useSpeech();
  const { document: words } = texts;
  const { fields, choices, readingLeft } = actions;
  return (
    <div className="action-bar">
      <p className="action-state">
        <span>{words.fieldsDone(choices.size, fields.length)}</span>
        {readingLeft > 0 && <span className="reading-left">{words.readingLeft(readingLeft)}</span>}
      </p>
      <MoveHere {...actions} />
      <NextAction {...actions} />
    </div>
  );
}

/** A way for what is placed freely over many pages, which nobody wants to pull. */
export function MoveHere({ fields, choices, page, onMoveHere }: Actions) {
  const { texts } = useSpeech();
  const away = fields.find(({ fieldId }) => {
    const point = choices.get(fieldId)?.point ?? null;
    return point !== null && Math.abs(point.page - page) > 1;
  });
  if (away === undefined) return null;
  return (
    <button type="button" className="button small" onClick={() => onMoveHere(away)}>
      {texts.document.move.here}
    </button>
  );
}

/** To the next empty place; there, to fill it; then to the preview, once the reading time is over. */
export function NextAction({
  fields,
  choices,
  activeId,
  page,
  readingLeft,
  isPreviewing,
  onPreview,
  onGoTo,
  onOpen,
}: Actions) {
  const { texts } = useSpeech();
  const { document: words } = texts;
  const active = fields.find(({ fieldId }) => fieldId === activeId && !choices.has(fieldId));
  const next = active ?? nextEmpty(fields, choices, activeId);
  if (next === null) {
    const isEarly = readingLeft > 0;
    return (
      <button
        type="button"
        className="button primary"
        aria-disabled={isEarly || isPreviewing}
        onClick={() => {
          if (!isEarly && !isPreviewing) onPreview();
        }}
      >
        {isEarly ? words.readingLeft(readingLeft) : isPreviewing ? words.previewing : words.preview}
      </button>
    );
  }
  const act = actOf(next);
  const point = firstPoint(next);
  // Whoever has turned to other pages is brought back first.
  const isThere = point === null || (active !== undefined && Math.abs(point.page - page) <= 1);
  const start = act === 'sign' ? words.first : words.firstStamp;
  const goOn = act === 'sign' ? words.next : words.nextStamp;
  return (
    <button type="button" className="button primary" onClick={() => (isThere ? onOpen(next) : onGoTo(next))}>
      {isThere ? words.markHint[act] : choices.size === 0 ? start : goOn}
    </button>
  );
}
