import { useEffect, useRef, useState } from 'react';
import { Announcer, useAnnounce } from '../announcer.tsx';
import { Frame } from '../frame.tsx';
import { Notice } from '../parts/notice.tsx';
import { checkFile, sizeText, type CheckError, type CheckOutcome } from './check.ts';
import { ChooseFile } from './choose-file.tsx';
import { Result } from './result.tsx';
import { useSpeech } from './texts/texts.ts';

type State =
  | { kind: 'empty' }
  | { kind: 'sending'; file: File; part: number }
  | { kind: 'refused'; file: File; code: CheckError }
  | { kind: 'answered'; file: File; answer: Extract<CheckOutcome, { kind: 'answered' }>['answer'] };

/** Worth sending the same file again. */
const PASSING: ReadonlySet<CheckError> = new Set(['offline', 'internal', 'validation_busy', 'too_many_requests']);

export function App() {
  return (
    <Announcer>
      <Frame>
        <Check />
      </Frame>
    </Announcer>
  );
}

function Check() {
  const { texts } = useSpeech();
  const announce = useAnnounce();
  const [state, setState] = useState<State>({ kind: 'empty' });
  const running = useRef<AbortController | null>(null);
  const isOnline = useOnline();

  useEffect(() => {
    document.title = `${texts.brand.product} · ${texts.brand.name}`;
  }, [texts]);
  useEffect(() => () => running.current?.abort(), []);

  async function check(file: File): Promise<void> {
    running.current?.abort();
    const control = new AbortController();
    running.current = control;
    setState({ kind: 'sending', file, part: 0 });
    announce(texts.checking);
    const onSent = (part: number): void => {
      if (!control.signal.aborted) setState({ kind: 'sending', file, part });
    };
    const outcome = await checkFile(file, onSent, control.signal);
    if (control.signal.aborted || outcome.kind === 'cancelled') return;
    if (outcome.kind === 'answered') setState({ kind: 'answered', file, answer: outcome.answer });
    else setState({ kind: 'refused', file, code: outcome.code });
  }

  function startOver(): void {
    running.current?.abort();
    setState({ kind: 'empty' });
  }

  const { offline } = texts.connection;
  return (
    <>
      {!isOnline && state.kind !== 'answered' && (
        <Notice kind="warning" title={offline.title} role="alert">
          <p>{offline.body}</p>
        </Notice>
      )}
      {state.kind === 'empty' && <ChooseFile onFile={(file) => void check(file)} />}
      {state.kind === 'sending' && <Sending {...state} onCancel={startOver} />}
      {state.kind === 'refused' && <Refused {...state} onRetry={() => void check(state.file)} onAnother={startOver} />}
      {state.kind === 'answered' && <Result name={state.file.name} answer={state.answer} onAnother={startOver} />}
    </>
  );
}

function Sending({ file, part, onCancel }: { file: File; part: number; onCancel: () => void }) {
  const { texts } = useSpeech();
  const percent = Math.round(part * 100);
  const isSent = part >= 1;
  return (
    <section className="card" aria-busy="true">
      <h1>{texts.title}</h1>
      <p className="lead file-name">{texts.chosen(file.name, sizeText(file.size))}</p>
      <progress className="sent" aria-label={texts.progress} max={100} {...(isSent ? {} : { value: percent })} />
      <p className="field-hint">{isSent ? texts.checking : texts.sending(String(percent))}</p>
      <div className="actions">
        <button type="button" className="button quiet" onClick={onCancel}>
          {texts.cancel}
        </button>
      </div>
    </section>
  );
}

interface RefusedProps {
  file: File;
  code: CheckError;
  onRetry: () => void;
  onAnother: () => void;
}

function Refused({ file, code, onRetry, onAnother }: RefusedProps) {
  const { texts } = useSpeech();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const { title, body } = texts.refusals[code];
  return (
    <section className="card message-card">
      <span className="message-sign" aria-hidden="true">
        !
      </span>
      <h1 tabIndex={-1} ref={heading}>
        {title}
      </h1>
      <p className="file-name field-hint">{texts.chosen(file.name, sizeText(file.size))}</p>
      <p className="lead">{body}</p>
      <div className="actions">
        {PASSING.has(code) && (
          <button type="button" className="button primary" onClick={onRetry}>
            {texts.retry}
          </button>
        )}
        <button type="button" className={PASSING.has(code) ? 'button quiet' : 'button primary'} onClick={onAnother}>
          {texts.another}
        </button>
      </div>
    </section>
  );
}

function useOnline(): boolean {
  const [isOnline, setOnline] = useState(() => window.navigator.onLine);
  useEffect(() => {
    const update = (): void => setOnline(window.navigator.onLine);
    window.addEventListener('online', update);
    window.addEventListener('offline', update);
    return () => {
      window.removeEventListener('online', update);
      window.removeEventListener('offline', update);
    };
  }, []);
  return isOnline;
}
