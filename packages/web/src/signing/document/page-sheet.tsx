import { memo, useEffect, useRef, useState } from 'react';
import type { Sheet } from '../page-layout.ts';
import { useSpeech } from '../texts/texts.ts';
import type { Nearness } from './nearness.ts';
import { Picture } from './picture.tsx';

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
  const { texts } = useSpeech();

  useEffect(() => {
    const element = box.current;
    return element === null ? undefined : nearness.observe(element, setNear);
  }, [nearness]);

  const { top, left, width, height } = sheet;
  return (
    <div ref={box} className="sheet" data-page={sheet.page} style={{ top, left, width, height }}>
      {isNear && <Picture url={url} label={texts.document.page(sheet.page, count)} onSettled={() => nearness.goOn()} />}
    </div>
  );
});
