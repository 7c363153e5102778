import { useEffect, useId, useRef } from 'react';

interface AgreeBoxProps {
  label: string;
  /** What is missing, which puts the focus here; null: nothing. */
  error: string | null;
  isAgreed: boolean;
  onChange: (isAgreed: boolean) => void;
}

/** A box that nobody ticks for its reader. */
export function AgreeBox({ label, error, isAgreed, onChange }: AgreeBoxProps) {
  const id = useId();
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (error !== null) box.current?.focus();
  }, [error]);
  return (
    <div className={error === null ? 'agree' : 'agree has-error'}>
      <input
        id={id}
        ref={box}
        type="checkbox"
        checked={isAgreed}
        aria-invalid={error !== null}
        aria-describedby={error === null ? undefined : `${id}-error`}
        onChange={(event) => onChange(event.target.checked)}
      />
      <label htmlFor={id}>{label}</label>
      {error !== null && (
        <p className="field-error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}
