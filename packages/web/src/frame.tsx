import type { ReactNode } from 'react';
import mark from './brand/mark.svg';
import { usePageSpeech } from './texts/speech.tsx';

interface FrameProps {
  /** Beside the card, or above it in a narrow window: who asks, and how far it is. */
  side?: ReactNode;
  children: ReactNode;
}

/** Brand, language, and the card in the middle. */
export function Frame({ side, children }: FrameProps) {
  const { texts, switchLanguage } = usePageSpeech();
  const { brand, language } = texts;
  return (
    <div className="frame">
      <a className="skip" href="#main">
        {texts.skip}
      </a>
      <header className="header">
        <div className="brand">
          <img src={mark} alt="" width="32" height="32" />
          <span className="brand-name">{brand.name}</span>
          <span className="brand-product">{brand.product}</span>
        </div>
        <button
          type="button"
          className="button quiet"
          aria-label={language.switchLabel}
          lang={language.htmlLang === 'en' ? 'zh-CN' : 'en'}
          onClick={switchLanguage}
        >
          {language.switchTo}
        </button>
      </header>
      <div className={side === undefined ? 'body' : 'body with-steps'}>
        {side !== undefined && <aside className="side">{side}</aside>}
        <main id="main" className="main">
          {children}
        </main>
      </div>
    </div>
  );
}
