import { useMemo } from 'react';
import { Announcer } from '../announcer.tsx';
import { Frame } from '../frame.tsx';
import { NotEntered } from '../not-entered.tsx';
import { LoadingCard } from '../parts/cards.tsx';
import { useEntrance } from '../use-entrance.ts';
import { createSignerApi, endsSession, type SignerTask } from './api.ts';
import type { HeadStart } from './head-start.ts';
import { once } from './once.ts';
import { enter } from './session.ts';
import { SigningPage } from './signing-page.tsx';
import { SessionEnded } from './steps/ended.tsx';

/** From the link to the session; everything after that is the signing's. */
export function App({ headStart }: { headStart: HeadStart }) {
  return (
    <Announcer>
      <Entrance headStart={headStart} />
    </Announcer>
  );
}

function Entrance({ headStart }: { headStart: HeadStart }) {
  const { token, entering, task } = headStart;
  const door = useMemo(() => ({ enter: once(entering, () => enter(token)), endsSession }), [entering, token]);
  const { entry, tryNow } = useEntrance(door);
  if (entry.kind === 'entered') return <Entered session={entry.session} begun={task} />;
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

function Entered({ session, begun }: { session: string; begun: Promise<SignerTask> }) {
  const api = useMemo(() => {
    const made = createSignerApi(session);
    return { ...made, read: once(begun, () => made.read()) };
  }, [begun, session]);
  return <SigningPage api={api} />;
}
