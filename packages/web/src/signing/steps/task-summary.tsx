import type { ReactNode } from 'react';
import type { TaskAnswer } from '../../../../server/src/dialects/signer/contract.ts';
import { initiatorName, signerName } from '../task-words.ts';
import { useSpeech } from '../texts/texts.ts';

/** Who asks, what for, whom, and until when. */
export function TaskSummary({ view }: { view: TaskAnswer }) {
  const { texts, time } = useSpeech();
  const { task: words } = texts;
  const isCopy = view.role === 'copy';
  const who = initiatorName(view, texts);
  return (
    <div className="task-summary">
      <p className="task-from">
        {isCopy ? words.copies(who) : view.isArchived ? words.sent(who) : words.asks(who)}
        <span>{words.via(view.initiator.appName)}</span>
      </p>
      <dl className="facts">
        <Fact name={words.file}>{view.subject}</Fact>
        <Fact name={isCopy ? words.recipient : words.signer}>{signerName(view, texts)}</Fact>
        {!view.isArchived && (
          <Fact name={words.deadline}>{view.deadline === null ? words.noDeadline : time(view.deadline)}</Fact>
        )}
      </dl>
    </div>
  );
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

const SIGNS = { waiting: '', signing: '…', signed: '✓', refused: '×' } as const;

/** Everybody who signs, in order, and how far they are. */
export function Parties({ view: { parties } }: { view: TaskAnswer }) {
  const { texts } = useSpeech();
  const { task: words } = texts;
  // The same name may sign twice: it is known by its turn.
  const numbered = parties.map((party, index) => ({ ...party, number: index + 1 }));
  return (
    <section className="parties">
      <h2>{words.parties}</h2>
      <ol>
        {numbered.map(({ number, name, state, isSelf }) => (
          <li key={number} className={state}>
            <span className="party-sign" aria-hidden="true">
              {SIGNS[state] || number}
            </span>
            <span className="party-name">
              {name}
              {isSelf && <span className="party-self">{words.self}</span>}
            </span>
            <span className="party-state">{words.states[state]}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
