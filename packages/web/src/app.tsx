import { useMemo } from 'react';
import { Announcer } from './announcer.tsx';
import { createApi } from './api.ts';
import { Frame } from './frame.tsx';
import { NotEntered } from './not-entered.tsx';
import { LoadingCard } from './parts/cards.tsx';
import { endsSession, enter } from './session.ts';
import { EndedCard } from './steps/ended.tsx';
import { useEntrance } from './use-entrance.ts';
import { VerificationPage } from './verification-page.tsx';

/** From the token to the session; everything after that is the verification's. */
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
        (entry.isFinal ? <EndedCard error={entry.error} /> : <NotEntered error={entry.error} onRetry={tryNow} />)}
    </Frame>
  );
}

function Entered({ session }: { session: string }) {
  const api = useMemo(() => createApi(session), [session]);
  return <VerificationPage api={api} />;
}
