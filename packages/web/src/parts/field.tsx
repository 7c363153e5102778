import { useId, type InputHTMLAttributes, type Ref } from 'react';

interface FieldProps extends Omit<InputHTMLAttributes<HTMLInputElement>, 'id'> {
  label: string;
  hint: string;
  error: string | null;
  ref?: Ref<HTMLInputElement>;
}

/** A labelled input whose hint and error belong to it for every reader. */
export function Field({ label, hint, error, ref, ...input }: FieldProps) {
  const id = useId();
  return (
    <div className={error === null ? 'field' : 'field has-error'}>
      <label htmlFor={id}>{label}</label>
      <p className="field-hint" id={`${id}-hint`}>
        {hint}
      </p>
      <input
        {...input}
        id={id}
        ref={ref}
        aria-invalid={error !== null}
        aria-describedby={error === null ? `${id}-hint` : `${id}-hint ${id}-error`}
      />
      {error !== null && (
        <p className="field-error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}

/** What is known and not the member's to change. */
export function GivenField({
  label,
  value,
  hint,
  error,
}: {
  label: string;
  value: string;
  hint: string;
  error: string | null;
}) {
  return (
    <div className={error === null ? 'field given' : 'field given has-error'}>
      <dl>
        <dt>{label}</dt>
        <dd>{value}</dd>
      </dl>
      <p className="field-hint">{hint}</p>
      {error !== null && <p className="field-error">{error}</p>}
    </div>
  );
}
