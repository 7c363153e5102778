import { useEffect, useRef, useState, type SubmitEvent } from 'react';
import type {
  CompanyField,
  CompanyForm,
  FieldProblem,
  VerificationAnswer,
} from '../../../server/src/dialects/member/contract.ts';
import { checkCompany, tidyCompany, type CompanyProblems } from '../company-form.ts';
import { Field, GivenField } from '../parts/field.tsx';
import { Notice } from '../parts/notice.tsx';
import { useSpeech } from '../texts/texts.ts';
import type { GoTo } from '../go-to.ts';
import type { Texts } from '../texts/zh.ts';
import { failureText } from '../failure-text.ts';
import type { Verification } from '../use-verification.ts';
import { useSubmission } from './use-submission.ts';

interface CompanyStepProps {
  view: VerificationAnswer;
  act: Verification['act'];
  goTo: GoTo;
}

const FIELDS: readonly CompanyField[] = ['orgName', 'orgCode', 'legalRepName'];

/** What the platform knows stands there; what it does not know is asked for. */
export function CompanyStep({ view, act, goTo }: CompanyStepProps) {
  const { texts } = useSpeech();
  const { company: words } = texts;
  const [form, setForm] = useState<CompanyForm>({
    orgName: view.company.orgName,
    orgCode: view.company.orgCode ?? '',
    legalRepName: view.company.legalRepName ?? '',
  });
  const [problems, setProblems] = useState<CompanyProblems>({});
  const inputs = useRef<Partial<Record<CompanyField, HTMLInputElement | null>>>({});
  const { isBusy, error, problem, submit } = useSubmission();
  const progress = view.transfer?.progress;
  const shown: CompanyProblems = { ...error?.fields, ...problems };

  useEffect(() => {
    const first = FIELDS.find((field) => error?.fields[field] !== undefined);
    if (first !== undefined) inputs.current[first]?.focus();
  }, [error]);

  async function onSubmit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const tidy = tidyCompany(form);
    setForm(tidy);
    const found = checkCompany(tidy);
    setProblems(found);
    const first = FIELDS.find((field) => found[field] !== undefined);
    if (first !== undefined) {
      inputs.current[first]?.focus();
      return;
    }
    if (await submit(() => act((api) => api.start(tidy)))) goTo(null);
  }

  const errorOf = (field: CompanyField, isGiven: boolean): string | null =>
    shown[field] === undefined ? null : problemText(shown[field], form[field], words, isGiven ? view.appName : null);

  const entry = (field: CompanyField, hint: string, more: object) => {
    if (view.givenFields.includes(field)) {
      return (
        <GivenField
          label={words[field]}
          value={form[field]}
          hint={words.given(view.appName)}
          error={errorOf(field, true)}
        />
      );
    }
    return (
      <Field
        label={words[field]}
        hint={hint}
        error={errorOf(field, false)}
        value={form[field]}
        required
        ref={(input) => {
          inputs.current[field] = input;
        }}
        onChange={(event) => {
          setForm({ ...form, [field]: event.target.value });
          setProblems({ ...problems, [field]: undefined });
        }}
        {...more}
      />
    );
  };

  const count = Object.values(shown).filter((value) => value !== undefined).length;
  return (
    <form noValidate onSubmit={(event) => void onSubmit(event)}>
      <h1 tabIndex={-1}>{words.title}</h1>
      <p className="lead">{words.lead}</p>
      {view.hasExpired && (
        <Notice kind="warning" title={words.expired.title}>
          <p>{words.expired.body}</p>
        </Notice>
      )}
      {view.step === 'company' && progress?.kind === 'failed' && (
        <Notice kind="error" title={texts.progress.failed.title}>
          <p>{failureText(progress, texts.progress)}</p>
          <p>{words.again}</p>
        </Notice>
      )}
      {view.step === 'transfer' && <p className="lead">{texts.transfer.changeHint}</p>}
      {!view.isBankAvailable && (
        <Notice kind="warning" title={words.bankOff.title}>
          <p>{words.bankOff.body}</p>
        </Notice>
      )}
      {problem !== null && <Notice kind="error" title={count > 0 ? words.errorTitle(count) : problem} role="alert" />}
      {entry('orgName', '', { autoComplete: 'organization', maxLength: 100 })}
      {entry('orgCode', words.orgCodeHint, {
        autoCapitalize: 'characters',
        autoComplete: 'off',
        spellCheck: false,
        maxLength: 30,
        className: 'code',
      })}
      {entry('legalRepName', words.legalRepNameHint, { autoComplete: 'off', maxLength: 50 })}
      <div className="actions">
        <button type="submit" className="button primary" aria-disabled={isBusy}>
          {isBusy ? words.submitting : words.submit}
        </button>
        {view.step === 'transfer' && (
          <button type="button" className="button quiet" onClick={() => goTo('transfer')}>
            {texts.transfer.changeBack}
          </button>
        )}
      </div>
      <section className="how">
        <h2>{words.howTitle}</h2>
        <ol>
          {words.how.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ol>
      </section>
    </form>
  );
}

function problemText(
  problem: FieldProblem | 'length',
  value: string,
  { errors }: Texts['company'],
  givenBy: string | null,
): string {
  if (problem === 'length') return errors.codeLength(value.length);
  return givenBy === null ? errors[problem] : errors.mismatchGiven(givenBy);
}
