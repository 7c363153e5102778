import { useEffect } from 'react';
import type { TaskAnswer } from '../../../../server/src/dialects/signer/contract.ts';
import { MessageCard } from '../../parts/cards.tsx';
import { useSpeech } from '../texts/texts.ts';
import { TaskSummary } from './task-summary.tsx';

/** The session cannot go on: what happened, and what to do. */
export function SessionEnded({ code }: { code: string }) {
  const { texts } = useSpeech();
  const { ended } = texts;
  const reasons: Readonly<Record<string, { title: string; body: string }>> = {
    token_expired: ended.token_expired,
    token_invalid: ended.token_invalid,
    session_replaced: ended.session_replaced,
  };
  const { title, body } = reasons[code] ?? ended.session_missing;
  useTitle(title);
  return <MessageCard title={title} body={body} />;
}

/** The task is over, and not by a signature. */
export function Ended({ view, step }: { view: TaskAnswer; step: 'refused' | 'revoked' | 'expired' | 'flow_refused' }) {
  const { texts, time } = useSpeech();
  const { ended } = texts;
  const { title, body } = ended[step];
  useTitle(title);
  return (
    <MessageCard title={title} body={body}>
      {view.reason !== null && <p className="ended-reason">{ended.reason(view.reason)}</p>}
      {view.endedAt !== null && <p className="ended-at">{ended.at(time(view.endedAt))}</p>}
      <TaskSummary view={view} />
      <p>{ended.mayClose}</p>
    </MessageCard>
  );
}

/** The tab says what the page shows. */
export function useTitle(title: string): void {
  const { texts } = useSpeech();
  useEffect(() => {
    document.title = `${title} · ${texts.brand.name}`;
  }, [title, texts]);
}
