import { useEffect, useId, useRef, type ReactNode } from 'react';
import { Announcer } from '../announcer.tsx';
import { usePageSpeech } from '../texts/speech.tsx';

interface DialogProps {
  title: string;
  onClose: () => void;
  className?: string;
  /** Beside the title. */
  aside?: ReactNode;
  children: ReactNode;
}

/** Over the page, and nothing else can be reached while it is open; Escape closes it, and the focus goes back. */
export function Dialog({ title, onClose, className = '', aside, children }: DialogProps) {
  const { texts } = usePageSpeech();
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    if (element === null) return undefined;
    const before = document.activeElement;
    element.showModal();
    // The title first: then it is known what all of this is.
    element.querySelector('h2')?.focus({ preventScroll: true });
    return () => {
      element.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className={`dialog ${className}`}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <div className="dialog-head">
        <h2 id={id} tabIndex={-1}>
          {title}
        </h2>
        {aside}
        <button type="button" className="button icon" aria-label={texts.close} onClick={onClose}>
          <span aria-hidden="true">×</span>
        </button>
      </div>
      {/* What is said outside of an open dialog is not heard. */}
      <Announcer>
        <div className="dialog-body">{children}</div>
      </Announcer>
    </dialog>
  );
}
