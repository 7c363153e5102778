import { useEffect, useRef, type RefObject } from 'react';
import { STEPS, type Step, type VerificationAnswer } from '../../server/src/dialects/member/contract.ts';
import type { Api } from './api.ts';
import { Frame } from './frame.tsx';
import type { GoTo } from './go-to.ts';
import { LoadingCard } from './parts/cards.tsx';
import { ConnectionNotice } from './parts/connection-notice.tsx';
import { Stepper } from './parts/stepper.tsx';
import { CompanyStep } from './steps/company-step.tsx';
import { ConsentStep } from './steps/consent-step.tsx';
import { DoneStep } from './steps/done-step.tsx';
import { EndedCard } from './steps/ended.tsx';
import { SealStep } from './steps/seal-step.tsx';
import { TransferStep } from './steps/transfer-step.tsx';
import { useSpeech } from './texts/texts.ts';
import { useStoredDetour } from './use-stored-detour.ts';
import { useVerification, type Verification } from './use-verification.ts';

export function VerificationPage({ api }: { api: Api }) {
  const { texts } = useSpeech();
  const verification = useVerification(api);
  const { view, ended, connection, refresh } = verification;
  const [detour, setDetour] = useStoredDetour();
  const shownStepRef = useRef<Step | null>(null);

  if (ended !== null) {
    return (
      <Frame>
        <EndedCard error={ended} />
      </Frame>
    );
  }
  if (view === null) {
    return (
      <Frame>
        <ConnectionNotice connection={connection} onRetry={refresh} />
        <LoadingCard />
      </Frame>
    );
  }
  // A detour ends by itself when the service has gone on, and does not come back when the service does.
  if (detour !== null && detour.from !== view.step) setDetour(null);
  const step = detour?.from === view.step ? detour.to : view.step;
  const goTo: GoTo = (to) => setDetour(to === null || to === view.step ? null : { from: view.step, to });
  return (
    <Frame
      side={
        <>
          <p className="requested">{texts.requestedBy(view.appName)}</p>
          <Stepper
            label={texts.steps.label}
            names={STEPS.map((name) => texts.steps[name])}
            current={step === 'done' ? STEPS.length : STEPS.indexOf(step)}
            words={texts.steps}
          />
        </>
      }
    >
      <ConnectionNotice connection={connection} onRetry={refresh} />
      <StepCard
        key={step}
        step={step}
        shownStepRef={shownStepRef}
        view={view}
        verification={verification}
        goTo={goTo}
      />
    </Frame>
  );
}

interface StepCardProps {
  step: Step;
  /** The step before this one; null at first. */
  shownStepRef: RefObject<Step | null>;
  view: VerificationAnswer;
  verification: Verification;
  goTo: GoTo;
}

/** Made anew for each step: the title of a step that follows another one takes the focus, so that it is read. */
function StepCard({ step, shownStepRef, view, verification, goTo }: StepCardProps) {
  const { texts } = useSpeech();
  const card = useRef<HTMLElement>(null);
  useEffect(() => {
    document.title = `${texts.steps[step]} · ${texts.brand.product} · ${texts.brand.name}`;
  }, [step, texts]);
  useEffect(() => {
    const before = shownStepRef.current;
    shownStepRef.current = step;
    // On the first step the reader starts at the top of the page, as everywhere.
    if (before === null || before === step) return;
    window.scrollTo({ top: 0 });
    card.current?.querySelector('h1')?.focus({ preventScroll: true });
  }, [step, shownStepRef]);

  const { act, refresh } = verification;
  return (
    <section className="card" ref={card}>
      {step === 'company' && <CompanyStep view={view} act={act} goTo={goTo} />}
      {step === 'transfer' && <TransferStep view={view} refresh={refresh} goTo={goTo} />}
      {step === 'seal' && <SealStep view={view} act={act} goTo={goTo} />}
      {step === 'consent' && <ConsentStep view={view} act={act} goTo={goTo} />}
      {step === 'done' && <DoneStep view={view} goTo={goTo} />}
    </section>
  );
}
