import type { Connection } from '../use-polled-view.ts';
import { usePageSpeech } from '../texts/speech.tsx';
import { Notice } from './notice.tsx';

/** What stands between the page and the service, while something does. */
export function ConnectionNotice({ connection, onRetry }: { connection: Connection; onRetry: () => void }) {
  const { texts } = usePageSpeech();
  if (connection === 'good') return null;
  const { title, body } = texts.connection[connection];
  return (
    <Notice kind="warning" title={title} role="alert">
      <p>{body}</p>
      <button type="button" className="button quiet" onClick={onRetry}>
        {texts.retry}
      </button>
    </Notice>
  );
}
