import { useEffect, useRef, useState } from 'react';
import type { VerificationAnswer } from '../../../server/src/dialects/validation/contract.ts';
import { useAnnounce } from '../announcer.tsx';
import { LOOKS } from './looks.ts';
import { moment } from './moment.ts';
import { SignatureCard } from './signature-card.tsx';
import { useSpeech } from './texts/texts.ts';

/** A contract with a seal on each page has a signature for each. */
const SHOWN_FIRST = 20;

interface ResultProps {
  name: string;
  answer: VerificationAnswer;
  onAnother: () => void;
}

export function Result({ name, answer, onAnother }: ResultProps) {
  const { texts } = useSpeech();
  const announce = useAnnounce();
  const heading = useRef<HTMLHeadingElement>(null);
  const [isAll, setAll] = useState(false);
  const { verdict, signatures, file, checkedAt } = answer;
  const { title, body } = texts.verdicts[verdict];
  useEffect(() => {
    window.scrollTo({ top: 0 });
    heading.current?.focus({ preventScroll: true });
  }, []);
  useEffect(() => announce(title), [announce, title]);

  const { tone, sign } = LOOKS[verdict];
  const shown = isAll ? signatures : signatures.slice(0, SHOWN_FIRST);
  return (
    <>
      <section className={`card verdict ${tone}`}>
        <span className="verdict-sign" aria-hidden="true">
          {sign}
        </span>
        <h1 tabIndex={-1} ref={heading}>
          {title}
        </h1>
        <p className="lead">{body}</p>
        <p className="file-name">{texts.resultOf(name)}</p>
        <p className="field-hint">{texts.counts(String(signatures.length), String(file.pages))}</p>
        <p className="field-hint">{texts.checkedAt(moment(checkedAt, texts.noZone))}</p>
        <details className="more">
          <summary>{texts.fingerprint}</summary>
          <p className="code">{file.sha256}</p>
        </details>
        <div className="actions">
          <button type="button" className="button primary" onClick={onAnother}>
            {texts.another}
          </button>
        </div>
      </section>
      {signatures.length > 0 && <h2 className="list-title">{texts.signatures}</h2>}
      <ol className="signatures">
        {shown.map((signature, index) => (
          <li key={`${signature.fieldName}/${signature.revision ?? ''}/${index + 1}`}>
            <SignatureCard signature={signature} position={index + 1} />
          </li>
        ))}
      </ol>
      {shown.length < signatures.length && (
        <button type="button" className="button small show-all" onClick={() => setAll(true)}>
          {texts.showAll(String(signatures.length))}
        </button>
      )}
    </>
  );
}
