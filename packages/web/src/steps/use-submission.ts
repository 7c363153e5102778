import { ApiError } from '../api.ts';
import { useSpeech } from '../texts/texts.ts';
import { problemText, useSending } from '../use-sending.ts';

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
  const { isBusy, error, send } = useSending();
  const problem = problemText(error, texts.problems);
  return { isBusy, error: error instanceof ApiError ? error : null, problem, submit: send };
}
