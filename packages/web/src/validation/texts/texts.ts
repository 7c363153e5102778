import { createSpeech } from '../../texts/speech.tsx';
import { en } from './en.ts';
import { zh } from './zh.ts';

/** The validation page's texts. */
export const { TextsProvider, useSpeech } = createSpeech({ zh, en });
