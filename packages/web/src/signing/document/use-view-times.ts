import { useEffect, useRef } from 'react';
import type { SignerApi } from '../api.ts';
import { createViewTimes } from '../view-times.ts';

const TOLD_EVERY_MS = 15_000;

/** Tells the service how long each page was looked at: now and then, and when the page is left. */
export function useViewTimes(api: SignerApi, page: number): void {
  const times = useRef(createViewTimes());
  const shown = useRef(page);

  useEffect(() => {
    shown.current = page;
    if (document.visibilityState === 'visible') times.current.show(page, performance.now());
  }, [page]);

  useEffect(() => {
    const kept = times.current;
    const tell = (): void => {
      const views = kept.take(performance.now());
      if (views.length > 0) api.tellViews({ views });
    };
    const onVisibility = (): void => {
      const isVisible = document.visibilityState === 'visible';
      kept.show(isVisible ? shown.current : null, performance.now());
      if (!isVisible) tell();
    };
    const timer = window.setInterval(tell, TOLD_EVERY_MS);
    document.addEventListener('visibilitychange', onVisibility);
    window.addEventListener('pagehide', tell);
    return () => {
      window.clearInterval(timer);
      document.removeEventListener('visibilitychange', onVisibility);
      window.removeEventListener('pagehide', tell);
      tell();
      kept.show(null, performance.now());
    };
  }, [api]);
}
