import type { TaskAnswer } from '../../../../server/src/dialects/signer/contract.ts';
import { useSpeech } from '../texts/texts.ts';
import { Delayed } from './delayed.tsx';
import { useTitle } from './ended.tsx';
import { TaskSummary } from './task-summary.tsx';

/** They confirmed, and the signature is being made. */
export function SealingStep({ view }: { view: TaskAnswer }) {
  const { texts } = useSpeech();
  const { sealing: words } = texts;
  useTitle(words.title);
  return (
    <section className="card" aria-busy="true">
      <div className="sealing-head">
        <span className="sealing-sign" aria-hidden="true" />
        <h1 tabIndex={-1}>{words.title}</h1>
        {view.delayedSince === null && <p className="lead">{words.lead}</p>}
      </div>
      <Delayed view={view} />
      <TaskSummary view={view} />
    </section>
  );
}
