import { useState } from 'react';
import type { TaskAnswer } from '../../../../server/src/dialects/signer/contract.ts';
import type { SignerApi } from '../api.ts';
import { FinishedDocument } from '../document/finished-document.tsx';
import { useSpeech } from '../texts/texts.ts';
import { Delayed } from './delayed.tsx';
import { useTitle } from './ended.tsx';
import { Parties, TaskSummary } from './task-summary.tsx';

/** The signature is in; and perhaps everybody's. Who gets a copy is shown the same, and nothing that is a signer's. */
export function DoneStep({ api, view }: { api: SignerApi; view: TaskAnswer }) {
  const { texts, time } = useSpeech();
  const { done: words } = texts;
  const { isArchived, document } = view;
  const isCopy = view.role === 'copy';
  // Who signs has just read it; who gets a copy came for it.
  const [isShown, setShown] = useState(isCopy);
  const title = isCopy ? words.copyTitle : isArchived ? words.archivedTitle : words.title;
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
        {isArchived && !isCopy && (
          <a className="button small" href={api.evidenceUrl} download>
            {words.evidence}
          </a>
        )}
        {isArchived && document !== null && !isCopy && (
          <button type="button" className="button small" aria-expanded={isShown} onClick={() => setShown(!isShown)}>
            {isShown ? words.hide : words.show}
          </button>
        )}
      </div>
      {isArchived && !isCopy && <p className="field-hint">{words.evidenceHint}</p>}
      {isArchived && document !== null && isShown && <FinishedDocument api={api} document={document} />}
      <TaskSummary view={view} />
      <Parties view={view} />
      {view.endedAt !== null && <p className="ended-at">{words.signedAt(time(view.endedAt))}</p>}
      <p className="field-hint">{isArchived ? words.mayComeBack : texts.ended.mayClose}</p>
    </section>
  );
}
