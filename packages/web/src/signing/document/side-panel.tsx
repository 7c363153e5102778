import { lazy, Suspense, useState } from 'react';
import type { DocumentAnswer, FieldAnswer, TaskAnswer } from '../../../../server/src/dialects/signer/contract.ts';
import type { SignerApi } from '../api.ts';
import { actOf, type Choices } from '../choices.ts';
import { TaskSummary } from '../steps/task-summary.tsx';
import { useSpeech } from '../texts/texts.ts';
import type { SigningTexts } from '../texts/zh.ts';
import { MoveHere, NextAction, type Actions } from './action-bar.tsx';

const Handover = lazy(async () => import('./handover.tsx'));

interface SidePanelProps {
  api: SignerApi;
  view: TaskAnswer;
  document: DocumentAnswer;
  actions: Actions;
  onRefuse: () => void;
}

/** Beside the document in a wide window: who asks, where to sign, and a way to the phone. */
export function SidePanel({ api, view, document, actions, onRefuse }: SidePanelProps) {
  const { texts } = useSpeech();
  const { document: words } = texts;
  const [isHandingOver, setHandingOver] = useState(false);
  const { choices, readingLeft } = actions;
  const isHandwritten = document.fields.some(({ forms }) => forms.includes('handwritten'));
  return (
    <aside className="side-panel">
      <TaskSummary view={view} />
      <section className="field-list">
        <h2>{words.fieldsTitle}</h2>
        <p className="field-hint">{words.fieldsDone(choices.size, document.fields.length)}</p>
        <FieldList fields={document.fields} choices={choices} onGoTo={actions.onGoTo} onOpen={actions.onOpen} />
      </section>
      {readingLeft > 0 && <p className="reading-left">{words.readingLeft(readingLeft)}</p>}
      <MoveHere {...actions} />
      <NextAction {...actions} />
      {isHandwritten &&
        (isHandingOver ? (
          <Suspense fallback={<p className="loading">{texts.loading}</p>}>
            <Handover api={api} />
          </Suspense>
        ) : (
          <button type="button" className="button small" onClick={() => setHandingOver(true)}>
            {texts.handover.open}
          </button>
        ))}
      <div className="panel-more">
        <a className="button quiet" href={api.documentUrl}>
          {words.asPdf}
        </a>
        <button type="button" className="button quiet danger" aria-haspopup="dialog" onClick={onRefuse}>
          {words.refuse}
        </button>
      </div>
    </aside>
  );
}

function FieldList({
  fields,
  choices,
  onGoTo,
  onOpen,
}: {
  fields: readonly FieldAnswer[];
  choices: Choices;
  onGoTo: (field: FieldAnswer) => void;
  onOpen: (field: FieldAnswer) => void;
}) {
  const { texts } = useSpeech();
  const { document: words } = texts;
  return (
    <ol>
      {fields.map((field, index) => {
        const filled = choices.get(field.fieldId);
        const name = words.field(index + 1);
        return (
          <li key={field.fieldId} className={filled === undefined ? 'empty' : 'filled'}>
            <button type="button" className="field-place" aria-label={words.goTo(name)} onClick={() => onGoTo(field)}>
              <span className="field-sign" aria-hidden="true">
                {filled === undefined ? index + 1 : '✓'}
              </span>
              <span>{placeText(field, filled?.point?.page ?? null, words)}</span>
            </button>
            <button type="button" className="button small" aria-haspopup="dialog" onClick={() => onOpen(field)}>
              {filled === undefined ? words[actOf(field)] : words.change}
              <span className="visually-hidden">（{name}）</span>
            </button>
          </li>
        );
      })}
    </ol>
  );
}

/** Where a field stands, in words. */
function placeText({ placement }: FieldAnswer, freePage: number | null, words: SigningTexts['document']): string {
  if (placement.kind === 'cross-page') return `${words.crossPage} · ${words.fieldPages(placement.pages.length)}`;
  if (placement.kind === 'free') return freePage === null ? words.free : words.fieldPage(freePage);
  const pages = new Set(placement.points.map(({ page }) => page));
  const [first = 1] = pages;
  return pages.size > 1 ? words.fieldPages(pages.size) : words.fieldPage(first);
}
