import { useState } from 'react';
import { ApiError } from '../api.ts';
import { useSpeech } from '../texts/texts.ts';

export interface Submission {
  isBusy: boolean;
  /** Why the last try failed, in words. */
  problem: string | null;
  error: ApiError | null;
  submit: (send: () => Promise<void>) => Promise<boolean>;
}

/** One thing sent at a time, and words for why it did not go through. */
export function useSubmission(): Submission {
  const { texts } = useSpeech();
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);

  async function submit(send: () => Promise<void>): Promise<boolean> {
    if (isBusy) return false;
    setBusy(true);
    setError(null);
    try {
      await send();
      return true;
    } catch (thrown) {
      setError(thrown instanceof ApiError ? thrown : new ApiError('internal'));
      return false;
    } finally {
      setBusy(false);
    }
  }

  return { isBusy, error, problem: error === null ? null : problemOf(error), submit };

  function problemOf({ code }: ApiError): string {
    const { problems } = texts;
    return code in problems ? problems[code as keyof typeof problems] : problems.internal;
  }
}
