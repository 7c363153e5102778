import { useRef, useState } from 'react';
import type { DocumentAnswer } from '../../../../server/src/dialects/signer/contract.ts';
import type { SignerApi } from '../api.ts';
import { useSpeech } from '../texts/texts.ts';
import { PageViewer } from './page-viewer.tsx';
import { createReading, useViewport } from './use-viewport.ts';

/** The signed document, to be looked at and nothing else. */
export function FinishedDocument({ api, document }: { api: SignerApi; document: DocumentAnswer }) {
  const { texts } = useSpeech();
  const windowRef = useRef<HTMLDivElement>(null);
  const [reading] = useState(createReading);
  const viewport = useViewport(windowRef, document.pages, reading);
  return (
    <div className="finished-document">
      <PageViewer
        windowRef={windowRef}
        viewport={viewport}
        pages={document.pages}
        pageUrl={(page, width) => api.pageUrl(page, width, document.sha256)}
        label={texts.done.document}
      >
        {null}
      </PageViewer>
      <p className="page-position">{texts.document.page(viewport.page, document.pages.length)}</p>
    </div>
  );
}
