import type { Language, MessageKind, MessageParams } from './message.ts';

interface Text {
  /** Of an e-mail. */
  readonly subject: string;
  readonly text: string;
}

type Texts = { readonly [Kind in MessageKind]: (params: MessageParams[Kind]) => Text };

const ZH: Texts = {
  sign_link: ({ initiator, subject, url }) => ({
    subject: `请签署《${subject}》`,
    text: `${initiator}请您签署《${subject}》，请打开 ${url} 办理。链接仅供本人使用，请勿转发。`,
  }),
  sign_reminder: ({ initiator, subject, url }) => ({
    subject: `提醒：请签署《${subject}》`,
    text: `${initiator}提醒您签署《${subject}》，请打开 ${url} 办理。链接仅供本人使用，请勿转发。`,
  }),
  sign_code: ({ code, subject, minutes }) => ({
    subject: '签署验证码',
    text: `验证码${code}，用于签署《${subject}》，${minutes}分钟内有效。请勿告诉他人，包括自称工作人员的人。`,
  }),
};

const EN: Texts = {
  sign_link: ({ initiator, subject, url }) => ({
    subject: `Please sign: ${subject}`,
    text: `${initiator} asks you to sign "${subject}". Open ${url} to do so. The link is for you alone: do not pass it on.`,
  }),
  sign_reminder: ({ initiator, subject, url }) => ({
    subject: `Reminder, please sign: ${subject}`,
    text: `${initiator} reminds you to sign "${subject}". Open ${url} to do so. The link is for you alone: do not pass it on.`,
  }),
  sign_code: ({ code, subject, minutes }) => ({
    subject: 'Your code for signing',
    text: `${code} is your code for signing "${subject}". It is good for ${minutes} minutes. Tell it to nobody, whoever asks.`,
  }),
};

/** The words of a message. */
export function messageText<Kind extends MessageKind>(
  kind: Kind,
  params: MessageParams[Kind],
  language: Language,
): Text {
  return (language === 'zh' ? ZH : EN)[kind](params);
}
