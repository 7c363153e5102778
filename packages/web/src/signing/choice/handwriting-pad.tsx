import type SignaturePad from 'signature_pad';
import { useEffect, useEffectEvent, useLayoutEffect, useRef, useState } from 'react';
import { strokesOn, writingOf, type PadBox, type PadPose, type Writing } from '../handwriting.ts';
import { useSpeech } from '../texts/texts.ts';

/** Of the pad's shorter side: the pen is as thick on a phone as on a screen. */
const PEN = { min: 1 / 150, max: 1 / 48 } as const;
/** Ink on paper, also where the page is dark. */
const INK = '#11151a';

interface HandwritingPadProps {
  writing: Writing | null;
  pose: PadPose;
  describedBy: string;
  onWriting: (writing: Writing) => void;
}

/**
 * A place to write in. What was written is kept as strokes in its writer's own direction, so that it is drawn again,
 * sharp, when the pad is turned or takes another size.
 */
export function HandwritingPad(props: HandwritingPadProps) {
  const [tries, setTries] = useState(0);
  return <Pad key={tries} {...props} onRetry={() => setTries(tries + 1)} />;
}

function Pad({ writing, pose, describedBy, onWriting, onRetry }: HandwritingPadProps & { onRetry: () => void }) {
  const { texts } = useSpeech();
  const { choice: words } = texts;
  const canvas = useRef<HTMLCanvasElement>(null);
  const pad = useRef<SignaturePad | null>(null);
  /** What the pad itself told last: it stands there already, and the next stroke may have begun. */
  const told = useRef<Writing | null>(null);
  const [state, setState] = useState<'loading' | 'ready' | 'failed'>('loading');

  const drawThis = useEffectEvent((given: Writing | null, as: PadPose) => {
    const element = canvas.current;
    const drawn = pad.current;
    if (element === null || drawn === null || element.clientWidth === 0) return;
    const ratio = Math.max(1, window.devicePixelRatio);
    const shorter = Math.min(element.clientWidth, element.clientHeight);
    element.width = Math.round(element.clientWidth * ratio);
    element.height = Math.round(element.clientHeight * ratio);
    element.getContext('2d')?.scale(ratio, ratio);
    drawn.minWidth = shorter * PEN.min;
    drawn.maxWidth = shorter * PEN.max;
    drawn.clear();
    if (given === null) return;
    drawn.fromData(
      strokesOn(given, boxOf(element, as)).map((points) => ({
        points: [...points],
        penColor: INK,
        dotSize: 0,
        minWidth: drawn.minWidth,
        maxWidth: drawn.maxWidth,
        velocityFilterWeight: drawn.velocityFilterWeight,
        compositeOperation: 'source-over',
      })),
    );
  });

  const redraw = useEffectEvent(() => drawThis(writing, pose));

  const onStroke = useEffectEvent(() => {
    const element = canvas.current;
    if (element === null || pad.current === null) return;
    const strokes = pad.current.toData().map(({ points }) => points.map((point) => ({ ...point })));
    told.current = writingOf(strokes, boxOf(element, pose));
    onWriting(told.current);
  });

  useEffect(() => {
    let isOver = false;
    let made: SignaturePad | null = null;
    const ended = (): void => onStroke();
    async function make(): Promise<void> {
      try {
        const { default: Signatures } = await import('signature_pad');
        if (isOver || canvas.current === null) return;
        made = new Signatures(canvas.current, { penColor: INK, throttle: 8, minDistance: 1.5 });
        made.addEventListener('endStroke', ended);
        pad.current = made;
        setState('ready');
        redraw();
      } catch {
        if (!isOver) setState('failed');
      }
    }
    void make();
    return () => {
      isOver = true;
      made?.off();
      made?.removeEventListener('endStroke', ended);
      pad.current = null;
    };
  }, []);

  useLayoutEffect(() => {
    const element = canvas.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => redraw());
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    // Undone or cleared; what was just written stands there.
    if (writing !== told.current) drawThis(writing, pose);
  }, [writing, pose]);

  return (
    <section className="pad-area" aria-label={words.padLabel} aria-describedby={describedBy}>
      <canvas ref={canvas} />
      {writing === null && state === 'ready' && (
        <p className="pad-hint" aria-hidden="true">
          {words.padHint}
        </p>
      )}
      {state === 'loading' && <p className="pad-hint">{words.padLoading}</p>}
      {state === 'failed' && (
        <div className="pad-hint">
          <p>{words.padFailed}</p>
          <button type="button" className="button small" onClick={onRetry}>
            {texts.retry}
          </button>
        </div>
      )}
    </section>
  );
}

function boxOf({ clientWidth, clientHeight }: HTMLCanvasElement, pose: PadPose): PadBox {
  return { width: clientWidth, height: clientHeight, pose };
}
