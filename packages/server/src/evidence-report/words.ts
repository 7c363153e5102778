import { chinaDateTime } from '../platform/clock.ts';
import type { Act, ActKind } from '../signing/index.ts';

/** What a person reads for each act, in Chinese and in English. */
export const ACT_WORDS: Readonly<Record<ActKind, readonly [chinese: string, english: string]>> = {
  created: ['发起流程', 'flow begun'],
  link_sent: ['发送签署链接', 'link sent'],
  link_unsent: ['未能发送签署链接', 'link not sent'],
  opened: ['打开签署链接', 'link opened'],
  code_sent: ['发送验证码', 'code sent'],
  code_wrong: ['验证码错误', 'wrong code'],
  code_locked: ['验证码已锁定', 'codes locked'],
  identity_checked: ['身份核验通过', 'identity checked'],
  consented: ['同意电子签名条款', 'consent given'],
  document_opened: ['打开合同文件', 'document opened'],
  previewed: ['预览签署效果', 'preview shown'],
  confirmed: ['确认签署', 'signing confirmed'],
  signed: ['加盖电子签名', 'signature made'],
  refused: ['拒绝签署', 'signing refused'],
  handed_over: ['转到另一设备', 'handed to another device'],
  downloaded: ['下载文件', 'document downloaded'],
  revoked: ['撤销流程', 'flow revoked'],
  expired: ['流程过期', 'flow expired'],
  done: ['流程完成', 'flow done'],
  result_sent: ['发送结果通知', 'result sent'],
  result_unsent: ['未能发送结果通知', 'result not sent'],
  copy_added: ['添加抄送', 'copy added'],
  copy_removed: ['取消抄送', 'copy removed'],
};

export const STATE_WORDS = {
  draft: ['草稿', 'draft'],
  signing: ['签署中', 'being signed'],
  done: ['完成', 'done'],
  revoked: ['撤销', 'revoked'],
  expired: ['过期', 'expired'],
  refused: ['拒签', 'refused'],
} as const;

export const SIGNER_WORDS = {
  waiting: ['未轮到', 'not in turn'],
  signing: ['待签署', 'to sign'],
  signed: ['已签署', 'signed'],
  refused: ['已拒签', 'refused'],
} as const;

/** Words of an act's own details; what has none is shown under its own name. */
const DETAIL_WORDS: Readonly<Record<string, string>> = {
  fileName: '文件名 file',
  flowRequestId: '请求编号 request',
  channel: '渠道 channel',
  link: '链接 link',
  to: '发至 to',
  isReminder: '催签 reminder',
  level: '签名级别 level',
  replacedFileId: '被接续的版本 follows revision',
  reason: '原因 reason',
  triesLeft: '剩余次数 tries left',
  until: '至 until',
  method: '方式 method',
  textSha256: '条款SHA-256 terms',
  pages: '页 pages',
  previewId: '预览编号 preview',
  choicesSha256: '签署内容SHA-256 choices',
  pagesViewed: '已读页数 pages viewed',
  viewedMs: '阅读毫秒 milliseconds read',
  fieldId: '签名域编号 field',
  fieldName: '签名域 field',
  sealId: '印章编号 seal',
  signedFileId: '所签版本 over revision',
  fields: '签名域及方式 fields',
  form: '方式 form',
  expiresAt: '有效至 valid until',
  signValidity: '签署截止 deadline',
  copyId: '抄送编号 copy',
  name: '姓名 name',
  outcome: '结果 outcome',
};

/** What other columns say already. */
const SAID_ELSEWHERE: ReadonlySet<string> = new Set(['signerId', 'fileId']);

const DETAIL_CHARACTERS_MAX = 400;

/** `2026-03-22 18:24:28.123 +08:00`. */
export function moment(at: Date): string {
  return `${chinaDateTime(at)}.${String(at.getTime() % 1000).padStart(3, '0')} +08:00`;
}

/** The same without milliseconds, in two lines of a narrow column. */
export function momentLines(at: Date): string {
  return moment(at).replace(' ', '\n');
}

/** Chinese and English of a state on one line. */
export function both([chinese, english]: readonly [string, string]): string {
  return `${chinese} ${english}`;
}

/** What an act says beside when, who and where: one line for each thing. */
export function actDetail(act: Act): string {
  const lines = Object.entries(act.detail).flatMap(([key, value]) => {
    const text = valueText(value);
    return text === '' || SAID_ELSEWHERE.has(key) ? [] : [`${DETAIL_WORDS[key] ?? key}：${text}`];
  });
  if (act.messageId !== null) lines.push(`消息编号 message：${act.messageId}`);
  if (act.consentVersion !== null) lines.push(`条款版本 terms：${act.consentVersion}`);
  if (act.fileSha256 !== null) lines.push(`文件SHA-256 file：${act.fileSha256}`);
  return lines.join('\n');
}

/** Lists with commas, the values of an object one behind the other. */
function plainText(value: unknown): string {
  if (Array.isArray(value)) return value.map(plainText).join(', ');
  if (typeof value === 'object' && value !== null) return Object.values(value).map(plainText).join(' ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function valueText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'boolean') return value ? '是 yes' : '否 no';
  const text = plainText(value);
  const characters = Array.from(text);
  return characters.length > DETAIL_CHARACTERS_MAX ? `${characters.slice(0, DETAIL_CHARACTERS_MAX).join('')}…` : text;
}
