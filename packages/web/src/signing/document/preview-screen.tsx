import { useEffect, useEffectEvent, useLayoutEffect, useRef, useState, type ReactNode } from 'react';
import type {
  DocumentAnswer,
  Page,
  PreviewAnswer,
  TaskAnswer,
} from '../../../../server/src/dialects/signer/contract.ts';
import { useAnnounce } from '../../announcer.tsx';
import type { SignerApi } from '../api.ts';
import { pictureWidth } from '../page-layout.ts';
import { useSpeech } from '../texts/texts.ts';
import { Picture } from './picture.tsx';

interface PreviewScreenProps {
  api: SignerApi;
  view: TaskAnswer;
  document: DocumentAnswer;
  preview: PreviewAnswer;
  isBusy: boolean;
  notice: ReactNode;
  onBack: () => void;
  onConfirm: () => void;
}

/** The service's own pictures of what would be signed, and the one act that signs. */
export default function PreviewScreen(props: PreviewScreenProps) {
  const { api, view, document, preview, isBusy, notice, onBack, onConfirm } = props;
  const { texts } = useSpeech();
  const { preview: words } = texts;
  const announce = useAnnounce();
  const title = useRef<HTMLHeadingElement>(null);
  const column = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState<number | null>(null);

  const arrive = useEffectEvent((_previewId: string) => {
    title.current?.focus({ preventScroll: true });
    announce(words.ready);
  });
  useEffect(() => arrive(preview.previewId), [preview.previewId]);
  useLayoutEffect(() => setWidth(column.current?.clientWidth ?? null), []);

  const { name, signsFor } = view.signer;
  return (
    <div className="workspace preview-screen">
      <header className="document-bar">
        <h1 ref={title} tabIndex={-1}>
          {words.title}
        </h1>
      </header>
      <main id="main" className="workspace-main">
        {notice}
        <div className="preview-window">
          <div className="preview-column" ref={column}>
            <p className="preview-lead">{words.lead}</p>
            {width !== null &&
              preview.pages.map((page) => (
                <figure key={page}>
                  <figcaption>{words.page(page)}</figcaption>
                  <div className="preview-sheet" style={{ aspectRatio: proportionOf(document.pages[page - 1]) }}>
                    <Picture
                      url={api.previewPageUrl(preview.previewId, page, pictureWidth(width, window.devicePixelRatio))}
                      label={words.page(page)}
                      isLazy
                    />
                  </div>
                </figure>
              ))}
          </div>
        </div>
      </main>
      <div className="action-bar confirm-bar">
        <p className="statement">{signsFor === null ? words.statement(name) : words.statementFor(name, signsFor)}</p>
        <div className="confirm-actions">
          <button type="button" className="button small" onClick={onBack}>
            {words.back}
          </button>
          <button
            type="button"
            className="button primary"
            aria-disabled={isBusy}
            onClick={() => {
              if (!isBusy) onConfirm();
            }}
          >
            {isBusy ? words.confirming : words.confirm}
          </button>
        </div>
      </div>
    </div>
  );
}

function proportionOf(page: Page | undefined): string {
  return page === undefined ? '1' : String(page.width / page.height);
}
