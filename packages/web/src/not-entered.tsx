import type { AnswerError } from './answer-error.ts';
import { MessageCard } from './parts/cards.tsx';
import { usePageSpeech } from './texts/speech.tsx';
import { connectionAfter } from './use-polled-view.ts';

/** The service does not let us in, for now. */
export function NotEntered({ error, onRetry }: { error: AnswerError; onRetry: () => void }) {
  const { texts } = usePageSpeech();
  const { title, body } = texts.connection[connectionAfter(error)];
  return (
    <MessageCard title={title} body={body}>
      <button type="button" className="button primary" onClick={onRetry}>
        {texts.retry}
      </button>
    </MessageCard>
  );
}
