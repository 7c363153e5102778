import { useId, useState, type SubmitEvent } from 'react';
import type { VerificationAnswer } from '../../../server/src/dialects/member/contract.ts';
import { AgreeBox } from '../parts/agree-box.tsx';
import { Notice } from '../parts/notice.tsx';
import { SealPicture } from '../parts/seal-picture.tsx';
import { sealWords } from '../seal-words.ts';
import { useSpeech } from '../texts/texts.ts';
import type { GoTo } from '../go-to.ts';
import type { Verification } from '../use-verification.ts';
import { useSubmission } from './use-submission.ts';

/** Goes into the audit with the consent: which wording was agreed to. A change of the wording changes it. */
const CONSENT_TEXT_VERSION = '2026-11';

interface ConsentStepProps {
  view: VerificationAnswer;
  act: Verification['act'];
  goTo: GoTo;
}

/** The wording, a box that nobody ticks for the member, and a way to leave it. */
export function ConsentStep({ view, act, goTo }: ConsentStepProps) {
  const { texts } = useSpeech();
  const { consent: words } = texts;
  const id = useId();
  const [isAgreed, setAgreed] = useState(false);
  const [isMissing, setMissing] = useState(false);
  const { isBusy, problem, submit } = useSubmission();
  const seal = view.seals.find(({ isChosen }) => isChosen);

  async function onSubmit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (!isAgreed) {
      setMissing(true);
      return;
    }
    if (await submit(() => act((api) => api.consent(CONSENT_TEXT_VERSION)))) goTo(null);
  }

  return (
    <form noValidate onSubmit={(event) => void onSubmit(event)}>
      <h1 tabIndex={-1}>{words.title}</h1>
      <p className="lead">{words.lead(view.appName)}</p>
      {problem !== null && <Notice kind="error" title={problem} role="alert" />}
      <section className="consent-text" aria-labelledby={`${id}-title`}>
        <h2 id={`${id}-title`}>{words.textTitle}</h2>
        <ol>
          {words.text(view.company.orgName, view.appName).map((paragraph) => (
            <li key={paragraph}>{paragraph}</li>
          ))}
        </ol>
      </section>
      {seal !== undefined && (
        <div className="consent-seal">
          <SealPicture
            url={seal.pictureUrl}
            label={texts.seal.pictureOf(sealWords(seal, view.seals, texts).name, view.company.orgName)}
          />
          <div>
            <p className="field-hint">{words.sealLabel}</p>
            <p>{sealWords(seal, view.seals, texts).name}</p>
            <button type="button" className="button small" onClick={() => goTo('seal')}>
              {words.changeSeal}
            </button>
          </div>
        </div>
      )}
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
        <button type="button" className="button quiet" aria-describedby={`${id}-later`} onClick={() => goTo('done')}>
          {words.later}
        </button>
      </div>
      <p className="field-hint" id={`${id}-later`}>
        {words.laterHint}
      </p>
    </form>
  );
}
