import { useState, type SubmitEvent } from 'react';
import type { VerificationAnswer } from '../../../server/src/dialects/member/contract.ts';
import { Notice } from '../parts/notice.tsx';
import { SealPicture } from '../parts/seal-picture.tsx';
import { sealWords } from '../seal-words.ts';
import { useSpeech } from '../texts/texts.ts';
import type { GoTo } from '../go-to.ts';
import type { Verification } from '../use-verification.ts';
import { useSubmission } from './use-submission.ts';

interface SealStepProps {
  view: VerificationAnswer;
  act: Verification['act'];
  goTo: GoTo;
}

/** Pictures to choose from, drawn with the company's own name. */
export function SealStep({ view, act, goTo }: SealStepProps) {
  const { texts } = useSpeech();
  const { seal: words } = texts;
  const [chosen, setChosen] = useState<string | null>(
    () => (view.seals.find(({ isChosen }) => isChosen) ?? view.seals[0])?.variant ?? null,
  );
  const { isBusy, error, problem, submit } = useSubmission();

  async function onSubmit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (chosen === null) return;
    if (await submit(() => act((api) => api.chooseSeal(chosen)))) goTo('consent');
  }

  return (
    <form onSubmit={(event) => void onSubmit(event)}>
      {view.step === 'seal' && (
        <Notice kind="success" title={words.verifiedTitle}>
          <p>{words.verifiedBody(view.company.orgName)}</p>
        </Notice>
      )}
      <h1 tabIndex={-1}>{words.title}</h1>
      <p className="lead">{words.lead}</p>
      {problem !== null && <Notice kind="error" title={problem} role="alert" />}
      <fieldset className="seals">
        <legend className="visually-hidden">{words.legend}</legend>
        {view.seals.map((seal) => {
          const { name, hint } = sealWords(seal, view.seals, texts);
          return (
            <label key={seal.variant} className="seal-choice">
              <input
                type="radio"
                name="seal"
                value={seal.variant}
                checked={chosen === seal.variant}
                onChange={() => setChosen(seal.variant)}
              />
              <SealPicture url={seal.pictureUrl} label={words.pictureOf(name, view.company.orgName)} />
              <span className="seal-name">{name}</span>
              {hint !== '' && <span className="seal-hint">{hint}</span>}
            </label>
          );
        })}
      </fieldset>
      <div className="actions">
        <button type="submit" className="button primary" aria-disabled={isBusy || chosen === null}>
          {isBusy ? words.submitting : words.submit}
        </button>
        {error?.code === 'character_missing' && (
          <button type="button" className="button quiet" onClick={() => goTo('consent')}>
            {words.goOn}
          </button>
        )}
      </div>
    </form>
  );
}
