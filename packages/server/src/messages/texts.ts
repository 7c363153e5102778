import type { Language, MessageKind, MessageParams } from './message.ts';

interface Text {
  /** Of an e-mail. */
  readonly subject: string;
  readonly text: string;
}

type Texts = { readonly [Kind in MessageKind]: (params: MessageParams[Kind]) => Text };

const ENDED_ZH = { revoked: '已被发起方撤销', refused: '因有一方拒签而终止', expired: '已过签署期限' } as const;
const ENDED_EN = {
  revoked: 'was withdrawn by the sender',
  refused: 'ended because somebody refused to sign it',
  expired: 'was not signed in time',
} as const;

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
  sign_done: ({ initiator, subject, url }) => ({
    subject: `《${subject}》已签署完成`,
    text: `${initiator}发起的《${subject}》已由各方签署完成，请打开 ${url} 查看和下载。链接仅供本人使用，请勿转发。`,
  }),
  sign_copy: ({ initiator, subject, url }) => ({
    subject: `《${subject}》已签署完成，抄送给您`,
    text: `${initiator}发起的《${subject}》已由各方签署完成，现抄送给您，请打开 ${url} 查看和下载。链接仅供本人使用，请勿转发。`,
  }),
  sign_ended: ({ initiator, subject, outcome }) => ({
    subject: `《${subject}》不用再签署`,
    text: `${initiator}发起的《${subject}》${ENDED_ZH[outcome]}，您不用再做任何操作。`,
  }),
  view_code: ({ code, subject, minutes }) => ({
    subject: '查看验证码',
    text: `验证码${code}，用于查看已签署的《${subject}》，${minutes}分钟内有效。请勿告诉他人，包括自称工作人员的人。`,
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
  sign_done: ({ initiator, subject, url }) => ({
    subject: `Signed by everybody: ${subject}`,
    text: `"${subject}", sent by ${initiator}, is signed by everybody. Open ${url} to see and download it. The link is for you alone: do not pass it on.`,
  }),
  sign_copy: ({ initiator, subject, url }) => ({
    subject: `Your copy of: ${subject}`,
    text: `"${subject}", sent by ${initiator}, is signed by everybody, and you get a copy. Open ${url} to see and download it. The link is for you alone: do not pass it on.`,
  }),
  sign_ended: ({ initiator, subject, outcome }) => ({
    subject: `Need not be signed any more: ${subject}`,
    text: `"${subject}", sent by ${initiator}, ${ENDED_EN[outcome]}. You need not do anything.`,
  }),
  view_code: ({ code, subject, minutes }) => ({
    subject: 'Your code for a signed document',
    text: `${code} is your code to see "${subject}", which is signed. It is good for ${minutes} minutes. Tell it to nobody, whoever asks.`,
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
