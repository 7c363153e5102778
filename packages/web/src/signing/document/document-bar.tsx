import { useState, type SubmitEvent } from 'react';
import type { TaskAnswer } from '../../../../server/src/dialects/signer/contract.ts';
import mark from '../../brand/mark.svg';
import { useAnnounce } from '../../announcer.tsx';
import { useSpeech } from '../texts/texts.ts';
import { ZOOM_STEPS, type Viewport } from './use-viewport.ts';

interface DocumentBarProps {
  view: TaskAnswer;
  viewport: Viewport;
  count: number;
  onDetails: () => void;
}

/** What is signed, which page is read, how large. */
export function DocumentBar({ view, viewport, count, onDetails }: DocumentBarProps) {
  const { texts, switchLanguage } = useSpeech();
  const { document: words, language } = texts;
  const announce = useAnnounce();
  const { zoom, zoomTo } = viewport;

  function zoomBy(direction: 1 | -1): void {
    const larger = ZOOM_STEPS.find((step) => step > zoom + 0.01);
    const smaller = ZOOM_STEPS.findLast((step) => step < zoom - 0.01);
    const next = (direction === 1 ? larger : smaller) ?? zoom;
    zoomTo(next);
    announce(words.zoomedTo(Math.round(next * 100)));
  }

  return (
    <header className="document-bar">
      <a className="skip" href="#main">
        {texts.skip}
      </a>
      <img className="bar-brand" src={mark} alt={texts.brand.name} width="28" height="28" />
      <h1 tabIndex={-1}>{view.subject}</h1>
      <PagePosition viewport={viewport} count={count} />
      <div className="zoom">
        <button
          type="button"
          className="button icon"
          aria-label={words.zoomOut}
          aria-disabled={zoom <= 1}
          onClick={() => zoomBy(-1)}
        >
          <span aria-hidden="true">−</span>
        </button>
        <button
          type="button"
          className="button icon"
          aria-label={words.zoomIn}
          aria-disabled={zoom >= 4}
          onClick={() => zoomBy(1)}
        >
          <span aria-hidden="true">+</span>
        </button>
      </div>
      <button
        type="button"
        className="button quiet bar-language"
        aria-label={language.switchLabel}
        lang={language.htmlLang === 'en' ? 'zh-CN' : 'en'}
        onClick={switchLanguage}
      >
        {language.switchTo}
      </button>
      <button type="button" className="button quiet bar-details" aria-haspopup="dialog" onClick={onDetails}>
        {words.details}
      </button>
    </header>
  );
}

/** The page that is read; another number goes there. */
function PagePosition({ viewport: { page, goTo }, count }: { viewport: Viewport; count: number }) {
  const { texts } = useSpeech();
  const { document: words } = texts;
  const [typed, setTyped] = useState<string | null>(null);

  function go(): void {
    const wanted = Number.parseInt(typed ?? '', 10);
    if (Number.isFinite(wanted)) goTo(Math.min(Math.max(wanted, 1), count));
    setTyped(null);
  }

  return (
    <form
      className="page-position"
      onSubmit={(event: SubmitEvent) => {
        event.preventDefault();
        go();
      }}
    >
      <input
        type="text"
        inputMode="numeric"
        enterKeyHint="go"
        aria-label={`${words.goToPage}（${words.page(page, count)}）`}
        size={String(count).length}
        value={typed ?? String(page)}
        onFocus={(event) => event.target.select()}
        onChange={(event) => setTyped(event.target.value.replaceAll(/\D/g, '').slice(0, 5))}
        onBlur={go}
      />
      <span aria-hidden="true">/ {count}</span>
    </form>
  );
}
