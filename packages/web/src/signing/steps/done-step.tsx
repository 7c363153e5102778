import type { TaskAnswer } from '../../../../server/src/dialects/signer/contract.ts';
import type { SignerApi } from '../api.ts';
import { useSpeech } from '../texts/texts.ts';
import { Delayed } from './delayed.tsx';
import { useTitle } from './ended.tsx';
import { Parties, TaskSummary } from './task-summary.tsx';

/** The signature is in; and perhaps everybody's. */
export function DoneStep({ api, view }: { api: SignerApi; view: TaskAnswer }) {
  const { texts, time } = useSpeech();
  const { done: words } = texts;
  const { isArchived } = view;
  const title = isArchived ? words.archivedTitle : words.title;
  useTitle(title);
  return (
    <section className="card">
      <div className="done-head">
        <span className="done-sign" aria-hidden="true">
          ✓
        </span>
        <h1 tabIndex={-1}>{title}</h1>
        <p className="lead">{isArchived ? words.archivedLead : words.lead}</p>
      </div>
      <Delayed view={view} />
      <div className="actions done-actions">
        <a className={isArchived ? 'button primary' : 'button small'} href={api.documentUrl} download>
          {isArchived ? words.download : words.downloadNow}
        </a>
      </div>
      <TaskSummary view={view} />
      <Parties view={view} />
      {view.endedAt !== null && <p className="ended-at">{words.signedAt(time(view.endedAt))}</p>}
      <p className="field-hint">{texts.ended.mayClose}</p>
    </section>
  );
}
