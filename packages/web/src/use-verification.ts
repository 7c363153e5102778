import { useCallback, useEffect, useRef, useState } from 'react';
import type { VerificationAnswer } from '../../server/src/dialects/member/contract.ts';
import { ApiError, type Api } from './api.ts';
import { pollDelayMs } from './poll-delay.ts';
import { endsSession } from './session.ts';

/** `offline`: no answer came; `busy`: too many requests, this page's or its network's; `failing`: no answer that helps. */
export type Connection = 'good' | Trouble;
type Trouble = 'offline' | 'busy' | 'failing';

/** What stands between the page and the service after a try that failed. */
export function connectionAfter(error: unknown): Trouble {
  const code = error instanceof ApiError ? error.code : 'internal';
  if (code === 'offline') return 'offline';
  return code === 'too_many_requests' ? 'busy' : 'failing';
}

export interface Verification {
  view: VerificationAnswer | null;
  connection: Connection;
  /** The session is over. */
  ended: ApiError | null;
  /** Asks now in place of later. */
  refresh: () => void;
  /** Does something and shows what became of it. @throws ApiError for the form to show; never one that ends the session */
  act: (call: (api: Api) => Promise<VerificationAnswer>) => Promise<void>;
}

/**
 * The view of the service, read when the page opens, when it comes back to the front, when the line comes back, and by
 * itself while there is a payment to wait for.
 */
export function useVerification(api: Api): Verification {
  const [view, setView] = useState<VerificationAnswer | null>(null);
  const [connection, setConnection] = useState<Connection>('good');
  const [ended, setEnded] = useState<ApiError | null>(null);
  /** Answers may overtake each other: the one that was asked for last counts. */
  const asked = useRef(0);
  const shown = useRef(0);
  const pollNow = useRef<() => void>(() => undefined);

  const show = useCallback((turn: number, answer: VerificationAnswer) => {
    if (turn < shown.current) return;
    shown.current = turn;
    setView(answer);
  }, []);

  useEffect(() => {
    let isOver = false;
    let timer: number | undefined;
    let unchanged = 0;
    let failures = 0;
    let last = '';

    async function poll(): Promise<void> {
      const turn = (asked.current += 1);
      let shouldGoOn = true;
      try {
        const answer = await api.read();
        if (isOver) return;
        const text = JSON.stringify(answer);
        unchanged = text === last ? unchanged + 1 : 0;
        failures = 0;
        last = text;
        shouldGoOn = answer.step === 'transfer';
        setConnection('good');
        show(turn, answer);
      } catch (error) {
        if (isOver) return;
        if (endsSession(error)) {
          setEnded(error);
          return;
        }
        failures += 1;
        setConnection(connectionAfter(error));
      }
      if (shouldGoOn) wait();
    }

    function wait(): void {
      window.clearTimeout(timer);
      // A page nobody looks at does not ask: it does when it is looked at again.
      if (document.visibilityState === 'hidden') return;
      timer = window.setTimeout(() => void poll(), pollDelayMs({ unchanged, failures }, Math.random()));
    }

    function now(): void {
      window.clearTimeout(timer);
      unchanged = 0;
      if (document.visibilityState !== 'hidden') void poll();
    }

    const onOffline = (): void => setConnection('offline');
    pollNow.current = now;
    void poll();
    document.addEventListener('visibilitychange', now);
    window.addEventListener('online', now);
    window.addEventListener('offline', onOffline);
    return () => {
      isOver = true;
      window.clearTimeout(timer);
      document.removeEventListener('visibilitychange', now);
      window.removeEventListener('online', now);
      window.removeEventListener('offline', onOffline);
    };
  }, [api, show]);

  const refresh = useCallback(() => pollNow.current(), []);

  const act = useCallback<Verification['act']>(
    async (call) => {
      const turn = (asked.current += 1);
      try {
        show(turn, await call(api));
        setConnection('good');
        pollNow.current();
      } catch (error) {
        if (endsSession(error)) {
          setEnded(error);
          return;
        }
        // Something happened meanwhile: the page shows it, and the form says why it did not go through.
        if (error instanceof ApiError && error.code === 'conflict') pollNow.current();
        throw error;
      }
    },
    [api, show],
  );

  return { view, connection, ended, refresh, act };
}
