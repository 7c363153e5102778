import { useCallback, useEffect, useRef, useState } from 'react';
import { AnswerError } from './answer-error.ts';
import { pollDelayMs } from './poll-delay.ts';

/** `offline`: no answer came; `busy`: too many requests, this page's or its network's; `failing`: no answer that helps. */
export type Connection = 'good' | Trouble;
type Trouble = 'offline' | 'busy' | 'failing';

/** What stands between the page and the service after a try that failed. */
export function connectionAfter(error: unknown): Trouble {
  const code = error instanceof AnswerError ? error.code : 'internal';
  if (code === 'offline') return 'offline';
  return code === 'too_many_requests' ? 'busy' : 'failing';
}

export interface PolledView<Api, View, EndingError> {
  view: View | null;
  connection: Connection;
  /** The session is over. */
  ended: EndingError | null;
  /** Asks now in place of later. */
  refresh: () => void;
  /** Does something and shows what became of it. @throws ApiError for the form to show; never one that ends the session */
  act: (call: (api: Api) => Promise<View>) => Promise<void>;
}

/** What the views of the pages differ in. Must not change while the page is open. */
export interface Polling<View, EndingError extends AnswerError> {
  /** Whether nothing but a new link helps. */
  endsSession: (error: unknown) => error is EndingError;
  /** Whether an act was refused because the view is not what it was. */
  isOutdated: (error: unknown) => boolean;
  /** Whether the page asks again by itself after this view. */
  shouldGoOn: (view: View) => boolean;
  /** Two views with one fingerprint show the same. */
  fingerprint: (view: View) => string;
}

/**
 * The view of the service, read when the page opens, when it comes back to the front, when the line comes back, and by
 * itself while there is something to wait for.
 */
export function usePolledView<Api extends { read(): Promise<View> }, View, EndingError extends AnswerError>(
  api: Api,
  polling: Polling<View, EndingError>,
): PolledView<Api, View, EndingError> {
  const [view, setView] = useState<View | null>(null);
  const [connection, setConnection] = useState<Connection>('good');
  const [ended, setEnded] = useState<EndingError | null>(null);
  /** Answers may overtake each other: the one that was asked for last counts. */
  const asked = useRef(0);
  const shown = useRef(0);
  const pollNow = useRef<() => void>(() => undefined);

  const shownFingerprint = useRef<string | null>(null);

  const show = useCallback(
    (turn: number, answer: View) => {
      if (turn < shown.current) return;
      shown.current = turn;
      const fingerprint = polling.fingerprint(answer);
      // Nothing is drawn anew for an answer that brings nothing new.
      if (fingerprint !== shownFingerprint.current) setView(answer);
      shownFingerprint.current = fingerprint;
    },
    [polling],
  );

  useEffect(() => {
    let isOver = false;
    let timer: number | undefined;
    let unchanged = 0;
    let failures = 0;

    async function poll(): Promise<void> {
      const turn = (asked.current += 1);
      let shouldGoOn = true;
      try {
        const answer = await api.read();
        if (isOver) return;
        unchanged = polling.fingerprint(answer) === shownFingerprint.current ? unchanged + 1 : 0;
        failures = 0;
        shouldGoOn = polling.shouldGoOn(answer);
        setConnection('good');
        show(turn, answer);
      } catch (error) {
        if (isOver) return;
        if (polling.endsSession(error)) {
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
  }, [api, polling, show]);

  const refresh = useCallback(() => pollNow.current(), []);

  const act = useCallback<PolledView<Api, View, EndingError>['act']>(
    async (call) => {
      const turn = (asked.current += 1);
      try {
        show(turn, await call(api));
        setConnection('good');
        pollNow.current();
      } catch (error) {
        if (polling.endsSession(error)) {
          setEnded(error);
          return;
        }
        if (polling.isOutdated(error)) pollNow.current();
        throw error;
      }
    },
    [api, polling, show],
  );

  return { view, connection, ended, refresh, act };
}
