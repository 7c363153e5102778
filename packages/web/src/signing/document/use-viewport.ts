import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type RefObject } from 'react';
import type { Page } from '../../../../server/src/dialects/signer/contract.ts';
import {
  COLUMN_MARGIN,
  columnWidth,
  columnWidthIn,
  layOutPages,
  pageAt,
  pagesNear,
  type PageLayout,
  type PageRange,
} from '../page-layout.ts';

export const ZOOM_STEPS = [1, 1.25, 1.5, 2, 3, 4] as const;
const ZOOM_MAX = 4;
/** Where in the window the page is that one reads, from the top. */
const READING_LINE = 0.4;

/** A place of the document that stays where it is in the window while sizes change. */
interface Anchor {
  page: number;
  /** Parts of the page's width and height from its upper left; beyond it, less than 0 or more than 1. */
  x: number;
  y: number;
  /** Pixels of the window of pages. */
  windowX: number;
  windowY: number;
}

/** Where the document is read; kept while it is not shown, so that it comes back to the same place. */
export interface Reading {
  anchor(): Anchor | null;
  zoom(): number;
  keep(changed: { anchor?: Anchor | null; zoom?: number }): void;
}

export function createReading(): Reading {
  let anchor: Anchor | null = null;
  let zoom = 1;
  return {
    anchor: () => anchor,
    zoom: () => zoom,
    keep(changed) {
      if (changed.anchor !== undefined) anchor = changed.anchor;
      if (changed.zoom !== undefined) zoom = changed.zoom;
    },
  };
}

export interface Viewport {
  layout: PageLayout;
  zoom: number;
  /** The page that is read. */
  page: number;
  /** Those that are made: the ones around it. */
  near: PageRange;
  /** `at`: pixels of the window that stay where they are; the middle unless given. */
  zoomTo: (zoom: number, at?: { x: number; y: number }) => void;
  /** Brings this height of a page, from its upper edge in parts of it, to a third of the window. */
  goTo: (page: number, y?: number) => void;
}

/**
 * The column of pages in its scrolling window: its size, its zoom, which page is read. Turning a phone, resizing and
 * zooming leave what is read where it is.
 */
export function useViewport(
  windowRef: RefObject<HTMLDivElement | null>,
  pages: readonly Page[],
  reading: Reading,
): Viewport {
  const [width, setWidth] = useState(() => columnWidth(window.innerWidth));
  const [zoom, setZoom] = useState(() => reading.zoom());
  const [page, setPage] = useState(1);
  const layout = useMemo(() => layOutPages(pages, Math.round(width * zoom)), [pages, width, zoom]);
  const layoutRef = useRef(layout);

  useLayoutEffect(() => {
    const view = windowRef.current;
    if (view === null) return undefined;
    const measure = (): void => setWidth(columnWidthIn(view.clientWidth));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(view);
    return () => observer.disconnect();
  }, [windowRef]);

  useLayoutEffect(() => {
    layoutRef.current = layout;
    const view = windowRef.current;
    const anchor = reading.anchor();
    if (view !== null && anchor !== null) hold(view, layout, anchor);
  }, [layout, reading, windowRef]);

  useEffect(() => {
    const view = windowRef.current;
    if (view === null) return undefined;
    let frame = 0;
    const onScroll = (): void => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        reading.keep({ anchor: anchorOf(view, layoutRef.current, { x: view.clientWidth / 2, y: 0 }) });
        setPage(pageAt(layoutRef.current, view.scrollTop + view.clientHeight * READING_LINE));
      });
    };
    view.addEventListener('scroll', onScroll, { passive: true });
    onScroll();
    return () => {
      cancelAnimationFrame(frame);
      view.removeEventListener('scroll', onScroll);
    };
  }, [reading, windowRef]);

  const zoomTo = useCallback<Viewport['zoomTo']>(
    (wanted, at) => {
      const view = windowRef.current;
      const next = Math.min(Math.max(wanted, 1), ZOOM_MAX);
      if (view !== null) {
        const point = at ?? { x: view.clientWidth / 2, y: view.clientHeight / 3 };
        reading.keep({ anchor: anchorOf(view, layoutRef.current, point) });
      }
      reading.keep({ zoom: next });
      setZoom(next);
    },
    [reading, windowRef],
  );

  const goTo = useCallback<Viewport['goTo']>(
    (number, y) => {
      const view = windowRef.current;
      const sheet = layoutRef.current.sheets[number - 1];
      if (view === null || sheet === undefined) return;
      const top = y === undefined ? sheet.top - 4 : sheet.top + y * sheet.height - view.clientHeight / 3;
      // Over many pages a smooth way is a long one, past pictures that nobody looks at.
      const isFar = Math.abs(top - view.scrollTop) > 3 * view.clientHeight;
      view.scrollTo({ top, behavior: isFar || prefersLessMotion() ? 'instant' : 'smooth' });
    },
    [windowRef],
  );

  // Two windows' height each way: 200 pages made at once cost a cheap phone half a second.
  const { first, last } = pagesNear(layout, page, 2 * window.innerHeight);
  const near = useMemo(() => ({ first, last }), [first, last]);
  return { layout, zoom, page, near, zoomTo, goTo };
}

function anchorOf(view: HTMLElement, layout: PageLayout, { x, y }: { x: number; y: number }): Anchor | null {
  const offset = columnOffset(view, layout);
  const page = pageAt(layout, view.scrollTop + y);
  const sheet = layout.sheets[page - 1];
  if (sheet === undefined) return null;
  return {
    page,
    x: (view.scrollLeft + x - offset - sheet.left) / sheet.width,
    y: (view.scrollTop + y - sheet.top) / sheet.height,
    windowX: x,
    windowY: y,
  };
}

function hold(view: HTMLElement, layout: PageLayout, { page, x, y, windowX, windowY }: Anchor): void {
  const sheet = layout.sheets[page - 1];
  if (sheet === undefined) return;
  view.scrollTop = sheet.top + y * sheet.height - windowY;
  view.scrollLeft = columnOffset(view, layout) + sheet.left + x * sheet.width - windowX;
}

/** Pixels left of the column, which stands in the middle while it is narrower than its window. */
export function columnOffset(view: HTMLElement, layout: PageLayout): number {
  return Math.max(COLUMN_MARGIN, (view.clientWidth - layout.width) / 2);
}

function prefersLessMotion(): boolean {
  return window.matchMedia('(prefers-reduced-motion: reduce)').matches;
}
