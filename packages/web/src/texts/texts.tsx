import { createContext, use, useEffect, useMemo, useState, type ReactNode } from 'react';
import { en } from './en.ts';
import { zh, type Texts } from './zh.ts';

type Language = 'zh' | 'en';

const TEXTS: Readonly<Record<Language, Texts>> = { zh, en };
const STORED_LANGUAGE = 'yinxin.language';

interface Speech {
  texts: Texts;
  /** A moment as people in China read it, who look at their bank statement beside it. */
  time: (iso: string) => string;
  day: (iso: string) => string;
  switchLanguage: () => void;
}

const SpeechContext = createContext<Speech | null>(null);

/** Chinese first; the other language when somebody asks for it, also next time. */
export function TextsProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(storedLanguage);
  const texts = TEXTS[language];

  useEffect(() => {
    document.documentElement.lang = texts.language.htmlLang;
  }, [texts]);

  const speech = useMemo<Speech>(() => {
    const { htmlLang } = texts.language;
    const zone = { timeZone: 'Asia/Shanghai' } as const;
    const time = new Intl.DateTimeFormat(htmlLang, { ...zone, dateStyle: 'medium', timeStyle: 'short' });
    const day = new Intl.DateTimeFormat(htmlLang, { ...zone, dateStyle: 'medium' });
    return {
      texts,
      time: (iso) => time.format(new Date(iso)),
      day: (iso) => day.format(new Date(iso)),
      switchLanguage: () => {
        const next = language === 'zh' ? 'en' : 'zh';
        setLanguage(next);
        store(next);
      },
    };
  }, [language, texts]);

  return <SpeechContext value={speech}>{children}</SpeechContext>;
}

export function useSpeech(): Speech {
  const speech = use(SpeechContext);
  if (speech === null) throw new Error('useSpeech outside of TextsProvider');
  return speech;
}

function storedLanguage(): Language {
  try {
    return window.localStorage.getItem(STORED_LANGUAGE) === 'en' ? 'en' : 'zh';
  } catch {
    return 'zh';
  }
}

function store(language: Language): void {
  try {
    window.localStorage.setItem(STORED_LANGUAGE, language);
  } catch {
    // Storage is off: it is Chinese again next time.
  }
}
