import type { ReactNode } from 'react';
import type { Step } from '../../server/src/dialects/member/contract.ts';
import mark from './brand/mark.svg';
import { Stepper } from './parts/stepper.tsx';
import { useSpeech } from './texts/texts.tsx';

interface FrameProps {
  step?: Step;
  appName?: string;
  children: ReactNode;
}

/** Brand, language, progress, and the card in the middle. */
export function Frame({ step, appName, children }: FrameProps) {
  const { texts, switchLanguage } = useSpeech();
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
      <div className={step === undefined ? 'body' : 'body with-steps'}>
        {step !== undefined && (
          <aside className="side">
            {appName !== undefined && <p className="requested">{texts.requestedBy(appName)}</p>}
            <Stepper step={step} />
          </aside>
        )}
        <main id="main" className="main">
          {children}
        </main>
      </div>
    </div>
  );
}
