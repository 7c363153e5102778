import { useEffect } from 'react';
import type { AnswerError } from '../answer-error.ts';
import type { ApiErrorCode } from '../api.ts';
import { MessageCard } from '../parts/cards.tsx';
import { useSpeech } from '../texts/texts.ts';
import type { Texts } from '../texts/zh.ts';

/** The session cannot go on: what happened, and what to do. */
export function EndedCard({ error }: { error: AnswerError }) {
  const { texts } = useSpeech();
  const { title, body } = reasonOf(error, texts);
  useEffect(() => {
    document.title = `${title} · ${texts.brand.name}`;
  }, [title, texts]);
  return (
    <MessageCard title={title} body={body}>
      <p>{texts.ended.kept}</p>
    </MessageCard>
  );
}

function reasonOf({ code }: AnswerError, { ended }: Texts): { title: string; body: string } {
  const reasons: Partial<Record<ApiErrorCode, { title: string; body: string }>> = {
    token_expired: ended.token_expired,
    token_invalid: ended.token_invalid,
    session_replaced: ended.session_replaced,
    member_gone: ended.member_gone,
  };
  return (reasons as Partial<Record<string, (typeof reasons)[ApiErrorCode]>>)[code] ?? ended.session_missing;
}
