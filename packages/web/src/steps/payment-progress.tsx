import { useEffect, useRef, useState } from 'react';
import type { PaymentProgress } from '../../../server/src/dialects/member/contract.ts';
import { useAnnounce } from '../announcer.tsx';
import { Notice, type NoticeKind } from '../parts/notice.tsx';
import { useSpeech } from '../texts/texts.ts';
import { failureText } from '../failure-text.ts';
import type { Texts } from '../texts/zh.ts';

interface PaymentProgressPanelProps {
  progress: PaymentProgress;
  refresh: () => void;
}

/** How long the button says that it asks: an answer that comes at once would look as if nothing happened. */
const CHECKING_MS = 1_200;

/** The four stages, what the present one means, and what to do. */
export function PaymentProgressPanel({ progress, refresh }: PaymentProgressPanelProps) {
  const { texts, time } = useSpeech();
  const { progress: words } = texts;
  const announce = useAnnounce();
  const state = describe(progress, words, time);
  const spoken = `${state.title} ${state.lines[0] ?? ''}`;
  const before = useRef(spoken);

  useEffect(() => {
    if (before.current === spoken) return;
    before.current = spoken;
    announce(spoken);
  }, [announce, spoken]);

  return (
    <section className="progress">
      <h2>{words.title}</h2>
      <Stages kind={progress.kind} />
      <Notice kind={state.kind} title={state.title}>
        {state.lines.map((line) => (
          <p key={line}>{line}</p>
        ))}
      </Notice>
      {(progress.kind === 'waiting' || progress.kind === 'not_found' || progress.kind === 'failed') && (
        <CheckNow refresh={refresh} />
      )}
      <p className="field-hint">{words.leave}</p>
    </section>
  );
}

function Stages({ kind }: { kind: PaymentProgress['kind'] }) {
  const { texts } = useSpeech();
  const { stages } = texts.progress;
  const names = [stages.account, stages.payment, stages.check, stages.done];
  const current = kind === 'confirmed' ? names.length : kind === 'failed' || kind === 'in_review' ? 2 : 1;
  return (
    <ol className="stages">
      {names.map((name, index) => (
        <li
          key={name}
          className={index < current ? 'done' : index === current ? `current ${kind}` : 'ahead'}
          aria-current={index === current ? 'step' : undefined}
        >
          <span className="stage-dot" aria-hidden="true" />
          {name}
        </li>
      ))}
    </ol>
  );
}

function CheckNow({ refresh }: { refresh: () => void }) {
  const { texts } = useSpeech();
  const { progress: words } = texts;
  const announce = useAnnounce();
  const [state, setState] = useState<'idle' | 'checking' | 'checked'>('idle');

  useEffect(() => {
    if (state !== 'checking') return undefined;
    const timer = window.setTimeout(() => {
      // Had the payment been there, this button would not be any more.
      setState('checked');
      announce(words.checkedNothing);
    }, CHECKING_MS);
    return () => window.clearTimeout(timer);
  }, [state, announce, words]);

  return (
    <div className="check-now">
      <button
        type="button"
        className="button primary"
        aria-disabled={state === 'checking'}
        onClick={() => {
          if (state === 'checking') return;
          setState('checking');
          refresh();
        }}
      >
        {state === 'checking' ? words.checking : words.checkNow}
      </button>
      {state === 'checked' && <p className="field-hint">{words.checkedNothing}</p>}
    </div>
  );
}

interface State {
  kind: NoticeKind;
  title: string;
  lines: string[];
}

function describe(progress: PaymentProgress, words: Texts['progress'], time: (iso: string) => string): State {
  switch (progress.kind) {
    case 'waiting':
      return { kind: 'information', title: words.waiting.title, lines: [words.waiting.body] };
    case 'not_found': {
      const { title, body, asked } = words.notFound;
      const lines = progress.askedAt === null ? [body] : [body, asked(time(progress.askedAt))];
      return { kind: 'information', title, lines };
    }
    case 'failed':
      return {
        kind: 'error',
        title: words.failed.title,
        lines: [failureText(progress, words), words.failed.again, words.failed.at(time(progress.at))],
      };
    case 'in_review':
      return {
        kind: 'warning',
        title: words.review.title,
        lines: [words.review.body, words.review.since(time(progress.since))],
      };
    case 'unavailable':
      return { kind: 'warning', title: words.unavailable.title, lines: [words.unavailable.body] };
    case 'confirmed':
    default:
      return { kind: 'success', title: words.confirmed.title, lines: [words.confirmed.body] };
  }
}
