import { useState } from 'react';
import { usePageSpeech } from '../texts/speech.tsx';

/** A seal on white paper, also where the page is dark. */
export function SealPicture({ url, label }: { url: string; label: string }) {
  const { texts } = usePageSpeech();
  const [state, setState] = useState<'loading' | 'there' | 'failed'>('loading');
  const [tries, setTries] = useState(0);
  if (state === 'failed') {
    return (
      <span className="seal-picture failed">
        <span>{texts.pictureFailed}</span>
        <button
          type="button"
          className="button small"
          onClick={() => {
            setState('loading');
            setTries(tries + 1);
          }}
        >
          {texts.retry}
        </button>
      </span>
    );
  }
  return (
    <span className={`seal-picture ${state}`}>
      <img
        key={tries}
        src={url}
        alt={label}
        width="600"
        height="600"
        onLoad={() => setState('there')}
        onError={() => setState('failed')}
      />
    </span>
  );
}
