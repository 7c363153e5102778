import type { TaskAnswer } from '../../../../server/src/dialects/signer/contract.ts';
import { useSpeech } from '../texts/texts.ts';
import { Delayed } from './delayed.tsx';
import { useTitle } from './ended.tsx';
import { Parties, TaskSummary } from './task-summary.tsx';

/** Somebody else's turn comes first. */
export function WaitingStep({ view }: { view: TaskAnswer }) {
  const { texts } = useSpeech();
  const { waiting: words } = texts;
  useTitle(words.title);
  return (
    <section className="card">
      <h1 tabIndex={-1}>{words.title}</h1>
      <p className="lead">{words.lead}</p>
      <Delayed view={view} />
      <TaskSummary view={view} />
      <Parties view={view} />
      <p className="field-hint">{words.mayClose}</p>
    </section>
  );
}
