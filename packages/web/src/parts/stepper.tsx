interface StepperProps {
  /** Of the whole, for who hears it. */
  label: string;
  /** In order. */
  names: readonly string[];
  /** From 0; `names.length` when all is done. */
  current: number;
  words: { position: (index: number, count: number) => string; isDone: string };
}

/** Narrow windows show the current step's name and a bar; all steps are there for a screen reader. */
export function Stepper({ label, names, current, words }: StepperProps) {
  const shown = Math.min(current, names.length - 1);
  return (
    <nav className="stepper" aria-label={label}>
      <p className="stepper-position">
        {words.position(shown + 1, names.length)}
        <strong>{names[shown]}</strong>
      </p>
      <ol>
        {names.map((name, index) => {
          const isDone = index < current;
          return (
            <li
              key={name}
              className={isDone ? 'done' : index === current ? 'current' : 'ahead'}
              aria-current={index === shown ? 'step' : undefined}
            >
              <span className="stepper-dot" aria-hidden="true">
                {isDone ? '✓' : index + 1}
              </span>
              <span className="stepper-name">{name}</span>
              {isDone && <span className="visually-hidden">（{words.isDone}）</span>}
            </li>
          );
        })}
      </ol>
    </nav>
  );
}
