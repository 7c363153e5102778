import { useEffect, useRef, type ReactNode, type RefObject } from 'react';
import type { SignStep, TaskAnswer } from '../../../server/src/dialects/signer/contract.ts';
import { Frame } from '../frame.tsx';
import { LoadingCard } from '../parts/cards.tsx';
import { ConnectionNotice } from '../parts/connection-notice.tsx';
import { Stepper } from '../parts/stepper.tsx';
import type { SignerApi } from './api.ts';
import { DocumentStep } from './document/document-step.tsx';
import { ConsentStep } from './steps/consent-step.tsx';
import { DoneStep } from './steps/done-step.tsx';
import { Ended, SessionEnded } from './steps/ended.tsx';
import { IdentityStep } from './steps/identity-step.tsx';
import { SealingStep } from './steps/sealing-step.tsx';
import { WaitingStep } from './steps/waiting-step.tsx';
import { initiatorName } from './task-words.ts';
import { useSpeech } from './texts/texts.ts';
import { useTask, type Task } from './use-task.ts';

export function SigningPage({ api }: { api: SignerApi }) {
  const task = useTask(api);
  const { view, ended, connection, refresh } = task;
  const shownStepRef = useRef<SignStep | null>(null);
  const notice = <ConnectionNotice connection={connection} onRetry={refresh} />;

  if (ended !== null) {
    return (
      <Frame>
        <SessionEnded code={ended.code} />
      </Frame>
    );
  }
  if (view === null) {
    return (
      <Frame>
        {notice}
        <LoadingCard />
      </Frame>
    );
  }
  if (view.step === 'document' && view.document !== null) {
    return (
      <Arrival step="document" shownStepRef={shownStepRef}>
        <DocumentStep api={api} task={task} view={view} document={view.document} notice={notice} />
      </Arrival>
    );
  }
  return (
    <Frame {...(isUnderWay(view) && { side: <Side view={view} /> })}>
      {notice}
      <Arrival key={view.step} step={view.step} shownStepRef={shownStepRef}>
        <StepCard api={api} task={task} view={view} />
      </Arrival>
    </Frame>
  );
}

/** The title of a step that follows another one takes the focus, so that it is read. */
function Arrival({
  step,
  shownStepRef,
  children,
}: {
  step: SignStep;
  /** The step before this one; null at first. */
  shownStepRef: RefObject<SignStep | null>;
  children: ReactNode;
}) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const before = shownStepRef.current;
    shownStepRef.current = step;
    // On the first step the reader starts at the top of the page, as everywhere.
    if (before === null || before === step) return;
    window.scrollTo({ top: 0 });
    box.current?.querySelector('h1')?.focus({ preventScroll: true });
  }, [step, shownStepRef]);
  return (
    <div className="arrival" ref={box}>
      {children}
    </div>
  );
}

/** Where each step stands among those that a signer is told of; the ends stand nowhere. */
const POSITIONS: Readonly<Partial<Record<SignStep, number>>> = {
  identity: 0,
  consent: 1,
  document: 2,
  sealing: 2,
  signed: 4,
};

/** Who comes back to what is signed, or gets a copy of it, has no steps before them. */
function isUnderWay({ role, step, parties }: TaskAnswer): boolean {
  const hasSigned = parties.some(({ isSelf, state }) => isSelf && state === 'signed');
  return role === 'signer' && POSITIONS[step] !== undefined && !(step === 'identity' && hasSigned);
}

function Side({ view }: { view: TaskAnswer }) {
  const { texts } = useSpeech();
  const { steps } = texts;
  const current = POSITIONS[view.step] ?? 0;
  return (
    <>
      {view.step === 'consent' && <p className="requested">{texts.task.asks(initiatorName(view, texts))}</p>}
      <Stepper
        label={steps.label}
        names={[steps.identity, steps.consent, steps.document, steps.done]}
        current={current}
        words={steps}
      />
    </>
  );
}

function StepCard({ api, task, view }: { api: SignerApi; task: Task; view: TaskAnswer }) {
  const { act, refresh } = task;
  switch (view.step) {
    case 'identity':
      return <IdentityStep api={api} act={act} refresh={refresh} view={view} />;
    case 'consent':
      return <ConsentStep act={act} view={view} />;
    case 'waiting':
      return <WaitingStep view={view} />;
    case 'sealing':
      return <SealingStep view={view} />;
    case 'signed':
      return <DoneStep api={api} view={view} />;
    case 'refused':
    case 'revoked':
    case 'expired':
    case 'flow_refused':
      return <Ended view={view} step={view.step} />;
    case 'document':
    default:
      return <LoadingCard />;
  }
}
