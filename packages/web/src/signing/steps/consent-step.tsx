import { useId, useState, type SubmitEvent } from 'react';
import type { TaskAnswer } from '../../../../server/src/dialects/signer/contract.ts';
import { AgreeBox } from '../../parts/agree-box.tsx';
import { Notice } from '../../parts/notice.tsx';
import { problemText, useSending } from '../../use-sending.ts';
import { useSpeech } from '../texts/texts.ts';
import type { Task } from '../use-task.ts';
import { useTitle } from './ended.tsx';

/** The service's wording with its version, and a box that nobody ticks for the signer. */
export function ConsentStep({ act, view }: { act: Task['act']; view: TaskAnswer }) {
  const { texts } = useSpeech();
  const { consent: words } = texts;
  const { version, text } = view.consent;
  const id = useId();
  const [isAgreed, setAgreed] = useState(false);
  const [isMissing, setMissing] = useState(false);
  const { isBusy, error, send } = useSending();
  const problem = problemText(error, texts.problems);
  useTitle(words.title);

  function onSubmit(event: SubmitEvent): void {
    event.preventDefault();
    if (!isAgreed) setMissing(true);
    else void send(() => act((api) => api.consent(version)));
  }

  const paragraphs = (texts.language.htmlLang === 'en' ? text.en : text.zh).split(/\n+/).filter((one) => one !== '');
  return (
    <section className="card">
      <form noValidate onSubmit={onSubmit}>
        <h1 tabIndex={-1}>{words.title}</h1>
        <p className="lead">{words.lead}</p>
        {problem !== null && <Notice kind="error" title={problem} role="alert" />}
        <section className="consent-text" aria-labelledby={`${id}-title`}>
          <h2 id={`${id}-title`}>{words.textTitle}</h2>
          {paragraphs.map((paragraph) => (
            <p key={paragraph}>{paragraph}</p>
          ))}
          <p className="consent-version">{words.version(version)}</p>
        </section>
        <AgreeBox
          label={words.agree}
          error={isMissing ? words.required : null}
          isAgreed={isAgreed}
          onChange={(agreed) => {
            setAgreed(agreed);
            setMissing(false);
          }}
        />
        <div className="actions">
          <button type="submit" className="button primary" aria-disabled={isBusy}>
            {isBusy ? words.submitting : words.submit}
          </button>
        </div>
      </form>
    </section>
  );
}
