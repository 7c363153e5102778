import { useState } from 'react';
import { AnswerError } from './answer-error.ts';

export interface Sending {
  isBusy: boolean;
  /** Why the last try failed. */
  error: AnswerError | null;
  send: (send: () => Promise<void>) => Promise<boolean>;
  forget: () => void;
}

/** One thing sent at a time. */
export function useSending(): Sending {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<AnswerError | null>(null);

  async function send(go: () => Promise<void>): Promise<boolean> {
    if (isBusy) return false;
    setBusy(true);
    setError(null);
    try {
      await go();
      return true;
    } catch (thrown) {
      setError(thrown instanceof AnswerError ? thrown : new AnswerError('internal'));
      return false;
    } finally {
      setBusy(false);
    }
  }

  return { isBusy, error, send, forget: () => setError(null) };
}

/** The page's words for a refusal; those for `internal` where it has none of its own. */
export function problemText(error: AnswerError | null, problems: { internal: string }): string | null {
  if (error === null) return null;
  const words: Readonly<Record<string, string>> = problems;
  return (Object.hasOwn(words, error.code) ? words[error.code] : undefined) ?? problems.internal;
}
