import { useId, useState } from 'react';
import type {
  DocumentAnswer,
  FieldAnswer,
  SealAnswer,
  SignatureForm,
} from '../../../../server/src/dialects/signer/contract.ts';
import { useAnnounce } from '../../announcer.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { SealPicture } from '../../parts/seal-picture.tsx';
import { actOf, formsFor, othersFor, type Choices, type Signature } from '../choices.ts';
import { handwritingOf, type Writing } from '../handwriting.ts';
import { useSpeech } from '../texts/texts.ts';
import { HandwritingPad } from './handwriting-pad.tsx';
import { usePadPose } from './use-pad-pose.ts';
import '../../styles/seals.css';
import '../styles/choice.css';

interface ChoiceDialogProps {
  field: FieldAnswer;
  document: DocumentAnswer;
  choices: Choices;
  /** These fields get this signature. */
  onChosen: (fields: FieldAnswer[], signature: Signature) => void;
  onClose: () => void;
}

/** What stands in a place: a handwriting, or one of the seals. */
export default function ChoiceDialog({ field, document, choices, onChosen, onClose }: ChoiceDialogProps) {
  const { texts } = useSpeech();
  const { choice: words } = texts;
  const id = useId();
  const pose = usePadPose();
  const forms = formsFor(field, document.seals);
  const before = choices.get(field.fieldId)?.signature ?? null;
  const [form, setForm] = useState<SignatureForm | null>(before?.form ?? forms[0] ?? null);
  const [writing, setWriting] = useState<Writing | null>(null);
  const seals = document.seals.filter(({ kind }) => kind === form);
  const [sealId, setSealId] = useState<string | null>(
    before !== null && before.form !== 'handwritten' ? before.seal.sealId : null,
  );
  const [isForOthers, setForOthers] = useState(true);
  const [isMissing, setMissing] = useState(false);
  const others = form === null ? [] : othersFor(document.fields, choices, field, form);
  const isWriting = form === 'handwritten';

  function use(): void {
    const signature = isWriting ? written(writing) : sealed(seals, sealId);
    if (signature === null) setMissing(true);
    else onChosen(isForOthers ? [field, ...others] : [field], signature);
  }
  function undo(): void {
    if (writing === null) return;
    const strokes = writing.strokes.slice(0, -1);
    setWriting(strokes.length === 0 ? null : { ...writing, strokes });
  }
  return (
    <Dialog
      title={actOf(field) === 'sign' ? words.titleSign : words.titleStamp}
      className={`choice ${isWriting ? `writing ${pose}` : ''}`}
      onClose={onClose}
      aside={forms.length > 1 && <FormSwitch forms={forms} form={form} onForm={setForm} />}
    >
      {isWriting && (
        <>
          <HandwritingPad
            writing={writing}
            pose={pose}
            describedBy={`${id}-other`}
            onWriting={(next) => {
              setWriting(next);
              setMissing(false);
            }}
          />
          <p className="field-hint pad-other" id={`${id}-other`}>
            {forms.length > 1 ? words.padKeyboard : words.padKeyboardNone}
          </p>
        </>
      )}
      {!isWriting && seals.length === 0 && <p className="lead">{words.noSeals}</p>}
      {!isWriting && seals.length > 0 && (
        <fieldset className="seals">
          <legend className="visually-hidden">{words.sealsLabel}</legend>
          {seals.map((seal) => (
            <label key={seal.sealId} className="seal-choice">
              <input
                type="radio"
                name="seal"
                value={seal.sealId}
                checked={sealed(seals, sealId)?.seal.sealId === seal.sealId}
                onChange={() => setSealId(seal.sealId)}
              />
              <SealPicture url={seal.pictureUrl} label={seal.label} />
              <span className="seal-name">{seal.label}</span>
            </label>
          ))}
        </fieldset>
      )}
      <div className="choice-foot">
        {isWriting && <PadTools isEmpty={writing === null} onUndo={undo} onClear={() => setWriting(null)} />}
        {isMissing && (
          <p className="field-error" role="alert">
            {words.padEmpty}
          </p>
        )}
        {others.length > 0 && (
          <label className="for-others">
            <input type="checkbox" checked={isForOthers} onChange={(event) => setForOthers(event.target.checked)} />
            {words.sameForOthers(others.length)}
          </label>
        )}
        {(isWriting || seals.length > 0) && (
          <button type="button" className="button primary" onClick={use}>
            {words.use}
          </button>
        )}
      </div>
    </Dialog>
  );
}

function written(writing: Writing | null): Signature | null {
  const handwriting = writing === null ? null : handwritingOf(writing);
  return handwriting === null ? null : { form: 'handwritten', handwriting };
}

function sealed(seals: readonly SealAnswer[], sealId: string | null): (Signature & { seal: SealAnswer }) | null {
  const seal = seals.find((one) => one.sealId === sealId) ?? seals[0];
  return seal === undefined ? null : { form: seal.kind, seal };
}

function PadTools({ isEmpty, onUndo, onClear }: { isEmpty: boolean; onUndo: () => void; onClear: () => void }) {
  const { texts } = useSpeech();
  const { choice: words } = texts;
  const announce = useAnnounce();
  return (
    <div className="pad-tools">
      <button
        type="button"
        className="button small"
        aria-disabled={isEmpty}
        onClick={() => {
          onUndo();
          announce(words.announceUndone);
        }}
      >
        {words.undo}
      </button>
      <button
        type="button"
        className="button small"
        aria-disabled={isEmpty}
        onClick={() => {
          onClear();
          announce(words.announceCleared);
        }}
      >
        {words.clear}
      </button>
    </div>
  );
}

function FormSwitch({
  forms,
  form,
  onForm,
}: {
  forms: readonly SignatureForm[];
  form: SignatureForm | null;
  onForm: (form: SignatureForm) => void;
}) {
  const { texts } = useSpeech();
  const { choice: words } = texts;
  return (
    <fieldset className="form-switch">
      <legend className="visually-hidden">{words.formsLabel}</legend>
      {forms.map((each) => (
        <label key={each}>
          <input
            type="radio"
            name="form"
            className="visually-hidden"
            checked={form === each}
            onChange={() => onForm(each)}
          />
          <span>{words.forms[each]}</span>
        </label>
      ))}
    </fieldset>
  );
}
