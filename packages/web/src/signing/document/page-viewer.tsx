import { useEffect, useRef, useState, type ReactNode, type RefObject } from 'react';
import type { Page } from '../../../../server/src/dialects/signer/contract.ts';
import { isWithin, pictureWidth, type PageLayout, type PageRange } from '../page-layout.ts';
import { createNearness, type Nearness } from './nearness.ts';
import { PageSheet } from './page-sheet.tsx';
import { usePinch } from './use-pinch.ts';
import type { Viewport } from './use-viewport.ts';

interface PageViewerProps {
  windowRef: RefObject<HTMLDivElement | null>;
  viewport: Viewport;
  pages: readonly Page[];
  /** Of a page's picture at a width in device pixels. */
  pageUrl: (page: number, width: number) => string;
  label: string;
  /** What stands over the pages, in pixels of the column. */
  children: ReactNode;
}

/** The document in a window of its own, which scrolls both ways; it takes the focus, so that keys move it. */
export function PageViewer({ windowRef, viewport, pages, pageUrl, label, children }: PageViewerProps) {
  const columnRef = useRef<HTMLDivElement>(null);
  const nearness = useNearness(windowRef);
  const { layout, near } = viewport;
  usePinch(windowRef, columnRef, viewport);
  return (
    <section className="page-window" ref={windowRef} aria-label={label}>
      <div className="page-column" ref={columnRef} style={{ width: layout.width, height: layout.height }}>
        {nearness !== null && (
          <Sheets count={pages.length} layout={layout} near={near} nearness={nearness} pageUrl={pageUrl} />
        )}
        {children}
      </div>
    </section>
  );
}

interface SheetsProps {
  count: number;
  layout: PageLayout;
  near: PageRange;
  nearness: Nearness;
  pageUrl: (page: number, width: number) => string;
}

function Sheets({ count, layout, near, nearness, pageUrl }: SheetsProps) {
  const width = pictureWidth(layout.width, window.devicePixelRatio);
  return layout.sheets
    .filter(({ page }) => isWithin(near, page))
    .map((sheet) => (
      <PageSheet key={sheet.page} sheet={sheet} count={count} url={pageUrl(sheet.page, width)} nearness={nearness} />
    ));
}

function useNearness(windowRef: RefObject<HTMLDivElement | null>): Nearness | null {
  const [nearness, setNearness] = useState<Nearness | null>(null);
  useEffect(() => {
    const view = windowRef.current;
    if (view === null) return undefined;
    // What scrolls can be reached by the keyboard.
    view.tabIndex = 0;
    const made = createNearness(view);
    setNearness(made);
    return () => {
      made.stop();
      setNearness(null);
    };
  }, [windowRef]);
  return nearness;
}
