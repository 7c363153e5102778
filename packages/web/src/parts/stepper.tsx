import { STEPS, type Step } from '../../../server/src/dialects/member/contract.ts';
import { useSpeech } from '../texts/texts.ts';

/** The five steps. Narrow windows show the current one's name and a bar; all five are there for a screen reader. */
export function Stepper({ step }: { step: Step }) {
  const { texts } = useSpeech();
  const current = STEPS.indexOf(step);
  return (
    <nav className="stepper" aria-label={texts.steps.label}>
      <p className="stepper-position">
        {texts.steps.position(current + 1, STEPS.length)}
        <strong>{texts.steps[step]}</strong>
      </p>
      <ol>
        {STEPS.map((name, index) => {
          const isDone = index < current || step === 'done';
          return (
            <li
              key={name}
              className={isDone ? 'done' : index === current ? 'current' : 'ahead'}
              aria-current={index === current ? 'step' : undefined}
            >
              <span className="stepper-dot" aria-hidden="true">
                {isDone ? '✓' : index + 1}
              </span>
              <span className="stepper-name">{texts.steps[name]}</span>
              {isDone && <span className="visually-hidden">（{texts.steps.isDone}）</span>}
            </li>
          );
        })}
      </ol>
    </nav>
  );
}
