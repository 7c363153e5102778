import { useCallback, useEffect, useState } from 'react';
import { pollDelayMs } from '../../poll-delay.ts';
import { useSpeech } from '../texts/texts.ts';

interface PictureProps {
  url: string;
  label: string;
  /** Only when it comes into view. */
  isLazy?: boolean;
  /** It is there, or did not come. */
  onSettled?: () => void;
}

/** A page's picture. One that did not come is asked for again by itself, when the line comes back, and when told to. */
export function Picture({ url, label, isLazy = false, onSettled }: PictureProps) {
  const { texts } = useSpeech();
  const [state, setState] = useState<'loading' | 'there' | 'failed'>('loading');
  const [tries, setTries] = useState(0);

  const again = useCallback(() => {
    setState('loading');
    setTries((before) => before + 1);
  }, []);

  useEffect(() => {
    if (state !== 'failed') return undefined;
    window.addEventListener('online', again);
    const delay = pollDelayMs({ unchanged: 0, failures: tries + 1 }, Math.random());
    const timer = navigator.onLine ? window.setTimeout(again, delay) : undefined;
    return () => {
      window.clearTimeout(timer);
      window.removeEventListener('online', again);
    };
  }, [again, state, tries]);

  if (state === 'failed') {
    return (
      <div className="sheet-failed">
        <p>{texts.document.pageFailed}</p>
        <button type="button" className="button small" onClick={again}>
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
      alt={label}
      loading={isLazy ? 'lazy' : 'eager'}
      decoding="async"
      draggable={false}
      onLoad={() => {
        setState('there');
        onSettled?.();
      }}
      onError={() => {
        setState('failed');
        onSettled?.();
      }}
    />
  );
}
