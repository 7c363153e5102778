import { useEffect, useId, useRef, useState, type KeyboardEvent, type PointerEvent, type RefObject } from 'react';
import type { DocumentAnswer, FieldAnswer, Point } from '../../../../server/src/dialects/signer/contract.ts';
import { useAnnounce } from '../../announcer.tsx';
import { actOf, sizeOf, type Choices, type Filled } from '../choices.ts';
import { boxOf, keepOnPage, pointAt, type PageLayout } from '../page-layout.ts';
import { useSpeech } from '../texts/texts.ts';
import { SignaturePicture } from './marks.tsx';

/** Points of a page that an arrow key moves, and with Shift. */
const STEP = 4;
const STRIDE = 24;
/** Pixels from the window's edge at which the document begins to follow the hand, and how far in a frame. */
const EDGE = 56;
const EDGE_SPEED = 9;
/** Pixels: less is a press, not a pull. */
const PULL_MIN = 5;

/** Pixels: about as wide as its longest words, which stay over the page. */
const HINT_WIDTH = 190;

interface FreeMarksProps {
  document: DocumentAnswer;
  layout: PageLayout;
  choices: Choices;
  windowRef: RefObject<HTMLDivElement | null>;
  onOpen: (field: FieldAnswer) => void;
  onMove: (fieldId: string, point: Point) => void;
  goTo: (page: number, y?: number) => void;
}

/** Signatures that their signer puts where they belong: with a finger, a mouse, or the keyboard. */
export function FreeMarks(props: FreeMarksProps) {
  const { document, choices } = props;
  return document.fields.map((field) => {
    const filled = choices.get(field.fieldId);
    if (field.placement.kind !== 'free' || filled === undefined || filled.point === null) return null;
    return <FreeMark key={field.fieldId} {...props} field={field} filled={filled} point={filled.point} />;
  });
}

function FreeMark({
  document: { pages, seals },
  layout,
  windowRef,
  field,
  filled,
  point,
  onOpen,
  onMove,
  goTo,
}: FreeMarksProps & { field: FieldAnswer; filled: Filled; point: Point }) {
  const { texts } = useSpeech();
  const { document: words } = texts;
  const announce = useAnnounce();
  const hintId = useId();
  const size = sizeOf(field, filled.signature, seals);
  const box = boxOf(layout, pages, point, size);
  const { pull, isPulled, onPointerDown } = usePull(windowRef, box, (at) => {
    onMove(field.fieldId, pointAt(layout, pages, at, size));
  });

  function place(next: Point): void {
    const page = pages[next.page - 1];
    if (page === undefined) return;
    const kept = keepOnPage(next, page, size);
    onMove(field.fieldId, kept);
    if (kept.page !== point.page) announce(words.move.moved(kept.page));
    goTo(kept.page, 1 - kept.y / page.height);
  }

  function onKeyDown(event: KeyboardEvent): void {
    const step = event.shiftKey ? STRIDE : STEP;
    const moves: Readonly<Record<string, Point>> = {
      ArrowLeft: { ...point, x: point.x - step },
      ArrowRight: { ...point, x: point.x + step },
      ArrowUp: { ...point, y: point.y + step },
      ArrowDown: { ...point, y: point.y - step },
      PageUp: { ...point, page: Math.max(1, point.page - 1) },
      PageDown: { ...point, page: Math.min(pages.length, point.page + 1) },
    };
    const next = moves[event.key];
    if (next === undefined) return;
    event.preventDefault();
    place(next);
  }

  return (
    <>
      <button
        type="button"
        className={`mark filled free ${pull === null ? '' : 'pulled'}`}
        style={{ ...box, ...pull }}
        aria-label={words.move.label(words[actOf(field)], point.page)}
        aria-describedby={hintId}
        data-field={field.fieldId}
        onPointerDown={onPointerDown}
        onKeyDown={onKeyDown}
        onClick={() => {
          if (!isPulled()) onOpen(field);
        }}
      >
        <SignaturePicture signature={filled.signature} />
      </button>
      <span
        id={hintId}
        className="free-hint"
        style={{
          left: Math.min((pull ?? box).left, layout.width - HINT_WIDTH),
          top: (pull ?? box).top + box.height + 6,
        }}
      >
        {words.move.hint}
      </span>
    </>
  );
}

interface Pull {
  left: number;
  top: number;
}

/** Follows the pointer while it pulls the mark, and the document follows at the window's edges. */
function usePull(
  windowRef: RefObject<HTMLDivElement | null>,
  box: { left: number; top: number; width: number; height: number },
  onDrop: (centre: { x: number; y: number }) => void,
): { pull: Pull | null; isPulled: () => boolean; onPointerDown: (event: PointerEvent<HTMLButtonElement>) => void } {
  const [pull, setPull] = useState<Pull | null>(null);
  const wasPulled = useRef(false);
  const stop = useRef<() => void>(() => undefined);
  useEffect(() => () => stop.current(), []);

  function onPointerDown(event: PointerEvent<HTMLButtonElement>): void {
    const view = windowRef.current;
    const mark = event.currentTarget;
    if (view === null || event.button !== 0) return;
    wasPulled.current = false;
    mark.setPointerCapture(event.pointerId);
    const start = { x: event.clientX, y: event.clientY, scrollLeft: view.scrollLeft, scrollTop: view.scrollTop };
    const hand = { x: event.clientX, y: event.clientY };
    let at: Pull = { left: box.left, top: box.top };
    let frame = 0;

    function follow(): void {
      if (view === null) return;
      at = {
        left: box.left + hand.x - start.x + view.scrollLeft - start.scrollLeft,
        top: box.top + hand.y - start.y + view.scrollTop - start.scrollTop,
      };
      setPull(at);
    }
    function scrollAtEdges(): void {
      if (view === null) return;
      const { top, bottom, left, right } = view.getBoundingClientRect();
      const down = hand.y > bottom - EDGE ? EDGE_SPEED : hand.y < top + EDGE ? -EDGE_SPEED : 0;
      const across = hand.x > right - EDGE / 2 ? EDGE_SPEED : hand.x < left + EDGE / 2 ? -EDGE_SPEED : 0;
      if (wasPulled.current && (down !== 0 || across !== 0)) {
        view.scrollBy({ top: down, left: across, behavior: 'instant' });
        follow();
      }
      frame = requestAnimationFrame(scrollAtEdges);
    }
    function onPointerMove(moved: globalThis.PointerEvent): void {
      hand.x = moved.clientX;
      hand.y = moved.clientY;
      if (!wasPulled.current && Math.hypot(hand.x - start.x, hand.y - start.y) < PULL_MIN) return;
      wasPulled.current = true;
      follow();
    }
    function end(): void {
      cancelAnimationFrame(frame);
      mark.removeEventListener('pointermove', onPointerMove);
      mark.removeEventListener('pointerup', onUp);
      mark.removeEventListener('pointercancel', end);
      stop.current = () => undefined;
      setPull(null);
    }
    function onUp(): void {
      end();
      if (wasPulled.current) onDrop({ x: at.left + box.width / 2, y: at.top + box.height / 2 });
    }

    mark.addEventListener('pointermove', onPointerMove);
    mark.addEventListener('pointerup', onUp);
    mark.addEventListener('pointercancel', end);
    stop.current = end;
    frame = requestAnimationFrame(scrollAtEdges);
  }

  return { pull, isPulled: () => wasPulled.current, onPointerDown };
}
