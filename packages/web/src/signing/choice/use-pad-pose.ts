import { useSyncExternalStore } from 'react';
import type { PadPose } from '../handwriting.ts';

/** A phone held upright: the pad lies along its long edge. */
const TURNED = '(orientation: portrait) and (max-width: 639px)';

/** How the pad lies in this window, also while the phone is turned. */
export function usePadPose(): PadPose {
  return useSyncExternalStore(listen, () => (window.matchMedia(TURNED).matches ? 'turned' : 'upright'));
}

function listen(onChange: () => void): () => void {
  const query = window.matchMedia(TURNED);
  query.addEventListener('change', onChange);
  return () => query.removeEventListener('change', onChange);
}
