import { useCallback, useSyncExternalStore } from 'react';

const LOOK_EVERY_MS = 250;

/** Whole seconds until a moment of `performance.now()`, counted down; 0 once it is there, and for none. */
export function useSecondsLeft(at: number | null): number {
  const listen = useCallback(
    (onChange: () => void) => {
      if (at === null) return () => undefined;
      const timer = window.setInterval(() => {
        onChange();
        if (performance.now() >= at) window.clearInterval(timer);
      }, LOOK_EVERY_MS);
      return () => window.clearInterval(timer);
    },
    [at],
  );
  return useSyncExternalStore(listen, () =>
    at === null ? 0 : Math.max(0, Math.ceil((at - performance.now()) / 1000)),
  );
}
