import { useCallback, useEffect, useMemo, useState } from 'react';
import { Announcer } from './announcer.tsx';
import { ApiError, createApi } from './api.ts';
import { Frame } from './frame.tsx';
import { LoadingCard, MessageCard } from './parts/cards.tsx';
import { endsSession, enter } from './session.ts';
import { EndedCard } from './steps/ended.tsx';
import { useSpeech } from './texts/texts.tsx';
import { VerificationPage } from './verification-page.tsx';

/** From the token to the session; everything after that is the verification's. */
export function App({ token }: { token: string | null }) {
  const [tries, setTries] = useState(0);
  const retry = useCallback(() => setTries((count) => count + 1), []);
  return (
    <Announcer>
      <Entrance key={tries} token={token} onRetry={retry} />
    </Announcer>
  );
}

type Entry = { kind: 'entering' } | { kind: 'entered'; session: string } | { kind: 'refused'; error: ApiError };

/** One try to come in. */
function Entrance({ token, onRetry }: { token: string | null; onRetry: () => void }) {
  const [entry, setEntry] = useState<Entry>({ kind: 'entering' });

  useEffect(() => {
    let isOver = false;
    async function come(): Promise<Entry> {
      try {
        return { kind: 'entered', session: await enter(token) };
      } catch (error) {
        return { kind: 'refused', error: error instanceof ApiError ? error : new ApiError('internal') };
      }
    }
    async function begin(): Promise<void> {
      const outcome = await come();
      if (!isOver) setEntry(outcome);
    }
    void begin();
    return () => {
      isOver = true;
    };
  }, [token]);

  if (entry.kind === 'entered') return <Entered session={entry.session} />;
  return (
    <Frame>
      {entry.kind === 'entering' && <LoadingCard />}
      {entry.kind === 'refused' &&
        (endsSession(entry.error) ? (
          <EndedCard error={entry.error} />
        ) : (
          <NotEntered error={entry.error} onRetry={onRetry} />
        ))}
    </Frame>
  );
}

function Entered({ session }: { session: string }) {
  const api = useMemo(() => createApi(session), [session]);
  return <VerificationPage api={api} />;
}

function NotEntered({ error, onRetry }: { error: ApiError; onRetry: () => void }) {
  const { texts } = useSpeech();
  const { title, body } = error.code === 'offline' ? texts.offline : texts.failing;
  useEffect(() => {
    window.addEventListener('online', onRetry);
    return () => window.removeEventListener('online', onRetry);
  }, [onRetry]);
  return (
    <MessageCard title={title} body={body}>
      <button type="button" className="button primary" onClick={onRetry}>
        {texts.retry}
      </button>
    </MessageCard>
  );
}
