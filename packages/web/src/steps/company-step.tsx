import { useEffect, useRef, useState, type SubmitEvent } from 'react';
import type {
  CompanyField,
  CompanyForm,
  FieldProblem,
  Step,
  VerificationAnswer,
} from '../../../server/src/dialects/member/contract.ts';
import { checkCompany, tidyCompany, type CompanyProblems } from '../company-form.ts';
import { Field, GivenField } from '../parts/field.tsx';
import { Notice } from '../parts/notice.tsx';
import { useSpeech } from '../texts/texts.tsx';
import type { Texts } from '../texts/zh.ts';
import type { Verification } from '../use-verification.ts';
import { useSubmission } from './use-submission.ts';

interface CompanyStepProps {
  view: VerificationAnswer;
  act: Verification['act'];
  goTo: (step: Step) => void;
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
    if (await submit(() => act((api) => api.start(tidy)))) goTo('transfer');
  }

  const errorOf = (field: CompanyField, isGiven: boolean): string | null =>
    shown[field] === undefined ? null : problemText(shown[field], form[field], words, isGiven ? view.appName : null);

  const entry = (field: CompanyField, known: string | null, hint: string, more: object) => {
    if (known !== null && known !== '') {
      return (
        <GivenField label={words[field]} value={known} hint={words.given(view.appName)} error={errorOf(field, true)} />
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
      {!view.isBankAvailable && (
        <Notice kind="warning" title={words.bankOff.title}>
          <p>{words.bankOff.body}</p>
        </Notice>
      )}
      {problem !== null && <Notice kind="error" title={count > 0 ? words.errorTitle(count) : problem} role="alert" />}
      {entry('orgName', view.company.orgName, '', { autoComplete: 'organization', maxLength: 100 })}
      {entry('orgCode', view.company.orgCode, words.orgCodeHint, {
        autoCapitalize: 'characters',
        autoComplete: 'off',
        spellCheck: false,
        maxLength: 30,
        className: 'code',
      })}
      {entry('legalRepName', view.company.legalRepName, words.legalRepNameHint, { autoComplete: 'off', maxLength: 50 })}
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
