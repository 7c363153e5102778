import { en } from './en.ts';
import { createSpeech } from './speech.tsx';
import { zh } from './zh.ts';

/** The verification page's texts. */
export const { TextsProvider, useSpeech } = createSpeech({ zh, en });
