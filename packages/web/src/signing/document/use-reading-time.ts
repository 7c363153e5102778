import { useEffect, useState } from 'react';
import { useAnnounce } from '../../announcer.tsx';
import { useSpeech } from '../texts/texts.ts';
import { useSecondsLeft } from '../use-seconds-left.ts';

/**
 * Seconds for which the document must still be read, until a moment of `performance.now()`. The service has the last
 * word: it says anew when it is asked.
 */
export function useReadingTime(endsAt: number | null): number {
  const { texts } = useSpeech();
  const announce = useAnnounce();
  const left = useSecondsLeft(endsAt);
  const [hadToRead] = useState(left > 0);
  const isOver = left === 0;
  useEffect(() => {
    if (hadToRead && isOver) announce(texts.document.readingDone);
  }, [announce, hadToRead, isOver, texts]);
  return left;
}
