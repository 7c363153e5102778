import { useEffect, useRef, useState, type SubmitEvent } from 'react';
import type { TaskAnswer } from '../../../../server/src/dialects/signer/contract.ts';
import { useAnnounce } from '../../announcer.tsx';
import { Field } from '../../parts/field.tsx';
import { Notice } from '../../parts/notice.tsx';
import { problemText, useSending } from '../../use-sending.ts';
import { SignerError, type SignerApi } from '../api.ts';
import { useSpeech } from '../texts/texts.ts';
import type { Task } from '../use-task.ts';
import { useSecondsLeft } from '../use-seconds-left.ts';
import { useTitle } from './ended.tsx';
import { TaskSummary } from './task-summary.tsx';

const CODE_LENGTH = 6;
/** Where the service does not say how long a lock lasts. */
const LOCKED_SECONDS = 600;

interface IdentityStepProps {
  api: SignerApi;
  act: Task['act'];
  refresh: () => void;
  view: TaskAnswer;
}

/** A one-time code to the signer's mobile: sent when asked for, typed, pasted or taken from the message. */
export function IdentityStep({ api, act, refresh, view }: IdentityStepProps) {
  const { texts, time } = useSpeech();
  const { identity: words } = texts;
  const announce = useAnnounce();
  const input = useRef<HTMLInputElement>(null);
  const [sentTo, setSentTo] = useState<string | null>(null);
  const [code, setCode] = useState('');
  const [isMissing, setMissing] = useState(false);
  const [resendAt, setResendAt] = useState<number | null>(null);
  const [lockedUntil, setLockedUntil] = useState<Date | null>(null);
  const resendIn = useSecondsLeft(resendAt);
  const isByMail = (sentTo ?? view.signer.maskedMobile).includes('@');
  const sending = useSending();
  const checking = useSending();
  useTitle(words.title);

  useEffect(() => {
    if (sentTo !== null) input.current?.focus();
  }, [sentTo]);

  /** Says when it may be tried again, where the refusal was for haste or for guesses. */
  function heed(error: unknown): void {
    if (!(error instanceof SignerError)) return;
    if (error.code === 'code_too_soon') setResendAt(performance.now() + (error.retryAfter ?? 60) * 1000);
    if (error.code === 'code_locked') {
      setLockedUntil(new Date(Date.now() + (error.retryAfter ?? LOCKED_SECONDS) * 1000));
    }
    if (error.code === 'session_missing' || error.code === 'session_replaced') refresh();
  }

  async function sendCode(): Promise<void> {
    checking.forget();
    await sending.send(async () => {
      try {
        const answer = await api.sendCode();
        setSentTo(answer.sentTo);
        setResendAt(performance.now() + answer.resendIn * 1000);
        setCode('');
        setMissing(false);
        announce(words.sent(answer.sentTo));
      } catch (error) {
        heed(error);
        throw error;
      }
    });
  }

  async function check(given: string): Promise<void> {
    if (given.length !== CODE_LENGTH) {
      setMissing(true);
      input.current?.focus();
      return;
    }
    sending.forget();
    const isChecked = await checking.send(async () => {
      try {
        await act((api) => api.checkCode(given));
      } catch (error) {
        heed(error);
        throw error;
      }
    });
    if (isChecked) return;
    input.current?.focus();
    input.current?.select();
  }

  function onCode(text: string): void {
    // A pasted message, or digits with blanks between them, is a code as well.
    const plain = text.normalize('NFKC');
    const digits = /(?<!\d)\d{6}(?!\d)/.exec(plain)?.[0] ?? plain.replaceAll(/\D/g, '').slice(0, CODE_LENGTH);
    setCode(digits);
    setMissing(false);
    checking.forget();
    // The sixth digit is as good as a press of the button.
    if (digits.length === CODE_LENGTH && digits !== code) void check(digits);
  }

  if (lockedUntil !== null) {
    return (
      <section className="card">
        <h1 tabIndex={-1}>{words.title}</h1>
        <TaskSummary view={view} />
        <Notice kind="error" title={words.locked.title} role="alert">
          <p>{words.locked.body}</p>
          <p>{words.locked.again(time(lockedUntil.toISOString()))}</p>
        </Notice>
        <div className="actions">
          <button type="button" className="button small" onClick={() => setLockedUntil(null)}>
            {texts.retry}
          </button>
        </div>
      </section>
    );
  }

  const wrong = checking.error instanceof SignerError ? checking.error : null;
  const fieldError = isMissing
    ? words.errors.required
    : wrong?.code === 'code_wrong'
      ? words.errors.wrong(wrong.triesLeft)
      : wrong?.code === 'code_expired'
        ? words.errors.expired
        : null;
  const isTooSoon = sending.error instanceof SignerError && sending.error.code === 'code_too_soon';
  const problem = isTooSoon
    ? words.errors.too_soon
    : problemText(sending.error ?? (fieldError === null ? checking.error : null), texts.problems);

  return (
    <section className="card">
      <h1 tabIndex={-1}>{words.title}</h1>
      <TaskSummary view={view} />
      {problem !== null && <Notice kind="error" title={problem} role="alert" />}
      {sentTo === null ? (
        <>
          <p className="lead">{words.lead(view.signer.maskedMobile)}</p>
          <div className="actions">
            <button
              type="button"
              className="button primary"
              aria-disabled={sending.isBusy}
              onClick={() => void sendCode()}
            >
              {sending.isBusy ? words.sending : words.send}
            </button>
          </div>
        </>
      ) : (
        <form
          noValidate
          onSubmit={(event: SubmitEvent) => {
            event.preventDefault();
            void check(code);
          }}
        >
          <p className="lead">{words.sent(sentTo)}</p>
          <Field
            ref={input}
            label={isByMail ? words.mailLabel : words.label}
            hint={words.hint}
            error={fieldError}
            className="one-time-code"
            type="text"
            inputMode="numeric"
            autoComplete="one-time-code"
            enterKeyHint="next"
            value={code}
            onChange={(event) => onCode(event.target.value)}
          />
          <div className="actions">
            <button type="submit" className="button primary" aria-disabled={checking.isBusy}>
              {checking.isBusy ? words.checking : words.check}
            </button>
            <button
              type="button"
              className="button quiet"
              aria-disabled={resendIn > 0 || sending.isBusy}
              onClick={() => {
                if (resendIn === 0) void sendCode();
              }}
            >
              {sending.isBusy ? words.sending : resendIn > 0 ? words.resendIn(resendIn) : words.resend}
            </button>
          </div>
          <p className="field-hint">{isByMail ? words.mailNotReceived : words.notReceived}</p>
        </form>
      )}
    </section>
  );
}
