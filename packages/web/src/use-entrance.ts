import { useEffect, useRef, useState } from 'react';
import { AnswerError } from './answer-error.ts';
import { pollDelayMs } from './poll-delay.ts';

export type Entry =
  | { kind: 'entering' }
  | { kind: 'entered'; session: string }
  /** `isFinal`: nothing but a new link helps; otherwise it is tried again by itself. */
  | { kind: 'refused'; error: AnswerError; isFinal: boolean };

/** How a page comes in. Must not change while it is open. */
export interface Door {
  /** @throws AnswerError */
  enter: () => Promise<string>;
  endsSession: (error: unknown) => boolean;
}

/** From the token to the session; it tries again by itself where that may help. */
export function useEntrance(door: Door): { entry: Entry; tryNow: () => void } {
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
      const outcome = await entryBy(door);
      isAsking = false;
      if (isOver) return;
      setEntry(outcome);
      const isWorthTrying = outcome.kind === 'refused' && !outcome.isFinal;
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
  }, [door]);

  return { entry, tryNow: () => tryNow.current() };
}

async function entryBy({ enter, endsSession }: Door): Promise<Entry> {
  try {
    return { kind: 'entered', session: await enter() };
  } catch (thrown) {
    const error = thrown instanceof AnswerError ? thrown : new AnswerError('internal');
    return { kind: 'refused', error, isFinal: endsSession(error) };
  }
}
