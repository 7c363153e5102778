import { memo, useEffect, useRef, useState } from 'react';
import type { Sheet } from '../page-layout.ts';
import { useSpeech } from '../texts/texts.ts';
import type { Nearness } from './nearness.ts';

interface PageSheetProps {
  sheet: Sheet;
  count: number;
  /** Where its picture is, as wide as it is shown. */
  url: string;
  nearness: Nearness;
}

/**
 * A page. It has its size from the start, so that nothing moves when its picture comes; and the picture is there only
 * while the page is near what is read, so that 200 pages need the memory of a few.
 */
export const PageSheet = memo(function PageSheet({ sheet, count, url, nearness }: PageSheetProps) {
  const box = useRef<HTMLDivElement>(null);
  const [isNear, setNear] = useState(false);

  useEffect(() => {
    const element = box.current;
    return element === null ? undefined : nearness.observe(element, setNear);
  }, [nearness]);

  const { top, left, width, height } = sheet;
  return (
    <div ref={box} className="sheet" data-page={sheet.page} style={{ top, left, width, height }}>
      {isNear && <PagePicture url={url} page={sheet.page} count={count} onSettled={() => nearness.goOn()} />}
    </div>
  );
});

interface PagePictureProps {
  url: string;
  page: number;
  count: number;
  /** It is there, or did not come. */
  onSettled: () => void;
}

function PagePicture({ url, page, count, onSettled }: PagePictureProps) {
  const { texts } = useSpeech();
  const [state, setState] = useState<'loading' | 'there' | 'failed'>('loading');
  const [tries, setTries] = useState(0);

  // The line comes back: so do the pages.
  useEffect(() => {
    if (state !== 'failed') return undefined;
    const again = (): void => {
      setState('loading');
      setTries((before) => before + 1);
    };
    window.addEventListener('online', again);
    return () => window.removeEventListener('online', again);
  }, [state]);

  if (state === 'failed') {
    return (
      <div className="sheet-failed">
        <p>{texts.document.pageFailed}</p>
        <button
          type="button"
          className="button small"
          onClick={() => {
            setState('loading');
            setTries(tries + 1);
          }}
        >
          {texts.retry}
        </button>
      </div>
    );
  }
  return (
    <img
      key={tries}
      className={state}
      src={url}
      alt={texts.document.page(page, count)}
      decoding="async"
      draggable={false}
      onLoad={() => {
        setState('there');
        onSettled();
      }}
      onError={() => {
        setState('failed');
        onSettled();
      }}
    />
  );
}
