import { createContext, use, useEffect, useMemo, useState, type ReactNode } from 'react';

type Language = 'zh' | 'en';
const STORED_LANGUAGE = 'yinxin.language';

interface Said {
  title: string;
  body: string;
}

/** What the parts of every page say. A page's own texts hold these among others. */
export interface PageTexts {
  language: { switchTo: string; switchLabel: string; htmlLang: string };
  brand: { name: string; product: string };
  skip: string;
  loading: string;
  retry: string;
  close: string;
  pictureFailed: string;
  connection: Record<'offline' | 'busy' | 'failing', Said>;
}

export interface Speech<Texts> {
  texts: Texts;
  /** A moment as people in China read it, who look at their bank statement beside it. */
  time: (iso: string) => string;
  day: (iso: string) => string;
  switchLanguage: () => void;
}

const PageSpeechContext = createContext<Speech<PageTexts> | null>(null);

/** For parts that several pages share: what each of them says. */
export function usePageSpeech(): Speech<PageTexts> {
  return told(use(PageSpeechContext));
}

/** The languages of one page: Chinese first; the other one when somebody asks for it, also next time. */
export function createSpeech<Texts extends PageTexts>(
  languages: Readonly<Record<Language, Texts>>,
): { TextsProvider: (props: { children: ReactNode }) => ReactNode; useSpeech: () => Speech<Texts> } {
  const SpeechContext = createContext<Speech<Texts> | null>(null);

  function TextsProvider({ children }: { children: ReactNode }): ReactNode {
    const [language, setLanguage] = useState<Language>(storedLanguage);
    const texts = languages[language];

    useEffect(() => {
      document.documentElement.lang = texts.language.htmlLang;
    }, [texts]);

    const speech = useMemo<Speech<Texts>>(() => {
      const { htmlLang } = texts.language;
      const { time, day } = createDates(htmlLang);
      return {
        texts,
        time,
        day,
        switchLanguage: () => {
          const next = language === 'zh' ? 'en' : 'zh';
          setLanguage(next);
          store(next);
        },
      };
    }, [language, texts]);

    return (
      <PageSpeechContext value={speech}>
        <SpeechContext value={speech}>{children}</SpeechContext>
      </PageSpeechContext>
    );
  }

  return { TextsProvider, useSpeech: () => told(use(SpeechContext)) };
}

/** The formats are made when they are first needed: that costs a cheap phone a tenth of a second. */
function createDates(language: string): { time: (iso: string) => string; day: (iso: string) => string } {
  const zone = { timeZone: 'Asia/Shanghai' } as const;
  let timeFormat: Intl.DateTimeFormat | undefined;
  let dayFormat: Intl.DateTimeFormat | undefined;
  return {
    time(iso) {
      timeFormat ??= new Intl.DateTimeFormat(language, { ...zone, dateStyle: 'medium', timeStyle: 'short' });
      return timeFormat.format(new Date(iso));
    },
    day(iso) {
      dayFormat ??= new Intl.DateTimeFormat(language, { ...zone, dateStyle: 'medium' });
      return dayFormat.format(new Date(iso));
    },
  };
}

function told<Texts>(speech: Speech<Texts> | null): Speech<Texts> {
  if (speech === null) throw new Error('no texts: outside of TextsProvider');
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
