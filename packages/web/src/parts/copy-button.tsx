import { useEffect, useState } from 'react';
import { useAnnounce } from '../announcer.tsx';
import { copyText } from '../copy-text.ts';
import { useSpeech } from '../texts/texts.ts';

const FEEDBACK_MS = 2_500;

interface CopyButtonProps {
  text: string;
  /** What is copied, for the button's name and for what is said afterwards. */
  what: string;
  /** Shown in place of 复制. */
  label?: string;
}

/** Copies, and says so where the finger is. */
export function CopyButton({ text, what, label }: CopyButtonProps) {
  const { texts } = useSpeech();
  const announce = useAnnounce();
  const [outcome, setOutcome] = useState<'copied' | 'failed' | null>(null);
  const { transfer } = texts;
  const words = label ?? transfer.copy;
  const isCopied = outcome === 'copied';

  useEffect(() => {
    if (outcome === null) return undefined;
    const timer = window.setTimeout(() => setOutcome(null), FEEDBACK_MS);
    return () => window.clearTimeout(timer);
  }, [outcome]);

  async function copy(): Promise<void> {
    const isDone = await copyText(text);
    setOutcome(isDone ? 'copied' : 'failed');
    announce(isDone ? transfer.announceCopied(what) : transfer.copyFailed);
  }

  return (
    <span className="copy">
      <button
        type="button"
        className={isCopied ? 'button small copied' : 'button small'}
        aria-label={label ?? transfer.copyOf(what)}
        onClick={() => void copy()}
      >
        <span className="copy-words" data-other={isCopied ? words : transfer.copied}>
          {isCopied ? transfer.copied : words}
        </span>
      </button>
      {outcome === 'failed' && <span className="copy-failed">{transfer.copyFailed}</span>}
    </span>
  );
}
