import { useEffect, useEffectEvent } from 'react';

/** Marks the entry of the history that stands for what is open over the page. */
const OVER = 'over';

/** While something stands over the document, the browser's way back closes it, and the document stays. */
export function useBack(isOpen: boolean, onBack: () => void): void {
  const goBack = useEffectEvent(onBack);
  useEffect(() => {
    if (!isOpen) return undefined;
    window.history.pushState(OVER, '');
    const onPop = (): void => goBack();
    window.addEventListener('popstate', onPop);
    return () => {
      window.removeEventListener('popstate', onPop);
      // It was closed in another way: its entry goes, too.
      if (window.history.state === OVER) window.history.back();
    };
  }, [isOpen]);
}

/** Asks before a page is left on which something was filled in that nobody has yet. */
export function useLeavingGuard(isFilled: boolean): void {
  useEffect(() => {
    if (!isFilled) return undefined;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [isFilled]);
}
