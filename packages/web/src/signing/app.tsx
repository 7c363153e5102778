import { useMemo } from 'react';
import { Announcer } from '../announcer.tsx';
import { Frame } from '../frame.tsx';
import { NotEntered } from '../not-entered.tsx';
import { LoadingCard } from '../parts/cards.tsx';
import { useEntrance } from '../use-entrance.ts';
import { createSignerApi, endsSession } from './api.ts';
import { enter } from './session.ts';
import { SigningPage } from './signing-page.tsx';
import { SessionEnded } from './steps/ended.tsx';

/** From the link to the session; everything after that is the signing's. */
export function App({ token }: { token: string | null }) {
  return (
    <Announcer>
      <Entrance token={token} />
    </Announcer>
  );
}

function Entrance({ token }: { token: string | null }) {
  const door = useMemo(() => ({ enter: () => enter(token), endsSession }), [token]);
  const { entry, tryNow } = useEntrance(door);
  if (entry.kind === 'entered') return <Entered session={entry.session} />;
  return (
    <Frame>
      {entry.kind === 'entering' && <LoadingCard />}
      {entry.kind === 'refused' &&
        (entry.isFinal ? (
          <SessionEnded code={entry.error.code} />
        ) : (
          <NotEntered error={entry.error} onRetry={tryNow} />
        ))}
    </Frame>
  );
}

function Entered({ session }: { session: string }) {
  const api = useMemo(() => createSignerApi(session), [session]);
  return <SigningPage api={api} />;
}
