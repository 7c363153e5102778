import { useId, useRef, useState, type SubmitEvent } from 'react';
import type { TaskAnswer } from '../../../../server/src/dialects/signer/contract.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { Notice } from '../../parts/notice.tsx';
import { problemText, useSending } from '../../use-sending.ts';
import { useSpeech } from '../texts/texts.ts';
import type { Task } from '../use-task.ts';

const REASON_LENGTH_MAX = 200;

/** The reason, and that it is final: the button that opened this was the first thought, this is the second. */
export default function RefuseDialog({ task, view, onClose }: { task: Task; view: TaskAnswer; onClose: () => void }) {
  const { texts } = useSpeech();
  const { refuse: words } = texts;
  const id = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  const [reason, setReason] = useState('');
  const [isChecked, setChecked] = useState(false);
  const { isBusy, error, send } = useSending();
  const problem = problemText(error, texts.problems);
  const given = reason.trim();
  const length = Array.from(given).length;
  const fault = length === 0 ? words.required : length > REASON_LENGTH_MAX ? words.tooLong(length) : null;
  const shownFault = isChecked ? fault : null;

  function onSubmit(event: SubmitEvent): void {
    event.preventDefault();
    setChecked(true);
    if (fault === null) void send(() => task.act((api) => api.refuse(given)));
    else area.current?.focus();
  }

  return (
    <Dialog title={words.title} onClose={onClose}>
      <form noValidate onSubmit={onSubmit}>
        <p className="refuse-subject">{view.subject}</p>
        <Notice kind="warning" title={words.lead} />
        {problem !== null && <Notice kind="error" title={problem} role="alert" />}
        <fieldset className="suggestions">
          <legend className="visually-hidden">{words.suggestionsLabel}</legend>
          {words.suggestions.map((suggestion) => (
            <button key={suggestion} type="button" className="button small" onClick={() => setReason(suggestion)}>
              {suggestion}
            </button>
          ))}
        </fieldset>
        <div className={shownFault === null ? 'field' : 'field has-error'}>
          <label htmlFor={id}>{words.label}</label>
          <p className="field-hint" id={`${id}-hint`}>
            {words.hint}
          </p>
          <textarea
            id={id}
            ref={area}
            rows={3}
            value={reason}
            aria-invalid={shownFault !== null}
            aria-describedby={shownFault === null ? `${id}-hint` : `${id}-hint ${id}-error`}
            onChange={(event) => setReason(event.target.value)}
          />
          {shownFault !== null && (
            <p className="field-error" id={`${id}-error`}>
              {shownFault}
            </p>
          )}
        </div>
        <div className="actions">
          <button type="submit" className="button primary danger" aria-disabled={isBusy}>
            {isBusy ? words.submitting : words.submit}
          </button>
          <button type="button" className="button quiet" onClick={onClose}>
            {words.back}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
