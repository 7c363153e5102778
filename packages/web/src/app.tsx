import { useEffect, useMemo, useRef, useState } from 'react';
import { Announcer } from './announcer.tsx';
import { ApiError, createApi } from './api.ts';
import { Frame } from './frame.tsx';
import { LoadingCard, MessageCard } from './parts/cards.tsx';
import { pollDelayMs } from './poll-delay.ts';
import { endsSession, enter } from './session.ts';
import { EndedCard } from './steps/ended.tsx';
import { useSpeech } from './texts/texts.ts';
import { connectionAfter } from './use-polled-view.ts';
import { VerificationPage } from './verification-page.tsx';

/** From the token to the session; everything after that is the verification's. */
export function App({ token }: { token: string | null }) {
  return (
    <Announcer>
      <Entrance token={token} />
    </Announcer>
  );
}

type Entry = { kind: 'entering' } | { kind: 'entered'; session: string } | { kind: 'refused'; error: ApiError };

/** Comes in, and tries again by itself where that may help. */
function Entrance({ token }: { token: string | null }) {
  const [entry, setEntry] = useState<Entry>({ kind: 'entering' });
  const tryNow = useRef<() => void>(() => undefined);

  useEffect(() => {
    let isOver = false;
    let isAsking = false;
    let timer: number | undefined;
    let failures = 0;

    async function come(): Promise<void> {
      // Two sessions of one tab would end each other.
      if (isAsking) return;
      isAsking = true;
      window.clearTimeout(timer);
      const outcome = await entryOf(token);
      isAsking = false;
      if (isOver) return;
      setEntry(outcome);
      const isWorthTrying = outcome.kind === 'refused' && !endsSession(outcome.error);
      failures = isWorthTrying ? failures + 1 : 0;
      if (!isWorthTrying) return;
      timer = window.setTimeout(() => void come(), pollDelayMs({ unchanged: 0, failures }, Math.random()));
    }
    const onOnline = (): void => {
      if (failures > 0) void come();
    };

    tryNow.current = () => {
      setEntry({ kind: 'entering' });
      void come();
    };
    void come();
    window.addEventListener('online', onOnline);
    return () => {
      isOver = true;
      window.clearTimeout(timer);
      window.removeEventListener('online', onOnline);
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
          <NotEntered error={entry.error} onRetry={() => tryNow.current()} />
        ))}
    </Frame>
  );
}

async function entryOf(token: string | null): Promise<Entry> {
  try {
    return { kind: 'entered', session: await enter(token) };
  } catch (error) {
    return { kind: 'refused', error: error instanceof ApiError ? error : new ApiError('internal') };
  }
}

function Entered({ session }: { session: string }) {
  const api = useMemo(() => createApi(session), [session]);
  return <VerificationPage api={api} />;
}

function NotEntered({ error, onRetry }: { error: ApiError; onRetry: () => void }) {
  const { texts } = useSpeech();
  const { title, body } = texts.connection[connectionAfter(error)];
  return (
    <MessageCard title={title} body={body}>
      <button type="button" className="button primary" onClick={onRetry}>
        {texts.retry}
      </button>
    </MessageCard>
  );
}
