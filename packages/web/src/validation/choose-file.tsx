import { useRef } from 'react';
import { useSpeech } from './texts/texts.ts';
import { useFileDrop } from './use-file-drop.ts';

/** A file by a button, or dropped anywhere on the page. */
export function ChooseFile({ onFile }: { onFile: (file: File) => void }) {
  const { texts } = useSpeech();
  const input = useRef<HTMLInputElement>(null);
  const isOver = useFileDrop(onFile);

  return (
    <section className="card">
      <h1>{texts.title}</h1>
      <p className="lead">{texts.lead}</p>
      <div className={isOver ? 'drop over' : 'drop'}>
        <input
          ref={input}
          className="visually-hidden"
          type="file"
          accept="application/pdf,.pdf"
          tabIndex={-1}
          aria-hidden="true"
          onChange={({ currentTarget: { files } }) => {
            const [file] = files ?? [];
            if (file !== undefined) onFile(file);
          }}
        />
        <button type="button" className="button primary" onClick={() => input.current?.click()}>
          {texts.choose}
        </button>
        <p className="field-hint drop-words">{isOver ? texts.dropNow : texts.drop}</p>
        <p className="field-hint">{texts.limit}</p>
      </div>
      <p className="field-hint kept">{texts.kept}</p>
    </section>
  );
}
