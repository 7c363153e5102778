import type { PadPose } from '../handwriting.ts';
import { useMedia } from '../use-media.ts';

/** A phone held upright: the pad lies along its long edge. */
const TURNED = '(orientation: portrait) and (max-width: 639px)';

/** How the pad lies in this window, also while the phone is turned. */
export function usePadPose(): PadPose {
  return useMedia(TURNED) ? 'turned' : 'upright';
}
