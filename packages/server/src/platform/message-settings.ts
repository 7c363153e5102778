/** How messages reach people: the variables YINXIN_MESSAGE_…. */
export type MessageSettings =
  | { readonly adapter: 'log' }
  | { readonly adapter: 'webhook'; readonly url: string; readonly secret: string }
  | { readonly adapter: 'smtp'; readonly url: string; readonly from: string; readonly mobileAddress: string | null };

export const MESSAGE_VARIABLES = {
  YINXIN_MESSAGE_ADAPTER: 'log, webhook or smtp: how links and codes reach signers (default: log, for development)',
  YINXIN_MESSAGE_WEBHOOK_URL: 'with webhook: where each message is posted as signed JSON',
  YINXIN_MESSAGE_WEBHOOK_SECRET: 'with webhook: whsec_… that signs what is posted (Standard Webhooks)',
  YINXIN_MESSAGE_SMTP_URL: 'with smtp: smtp:// or smtps://user:password@host:port',
  YINXIN_MESSAGE_SMTP_FROM: "with smtp: the sender's address",
  YINXIN_MESSAGE_SMTP_MOBILE: 'with smtp: an e-mail gateway for mobiles, such as {mobile}@sms.example.com',
  YINXIN_MESSAGE_LANGUAGE: 'zh or en: the language of messages (default: zh)',
} as const;

type Read = <T>(variable: keyof typeof MESSAGE_VARIABLES, fallback: T, parse: (text: string) => T) => T;

const ADAPTERS = ['log', 'webhook', 'smtp'] as const;
const NEEDED = {
  log: [],
  webhook: ['YINXIN_MESSAGE_WEBHOOK_URL', 'YINXIN_MESSAGE_WEBHOOK_SECRET'],
  smtp: ['YINXIN_MESSAGE_SMTP_URL', 'YINXIN_MESSAGE_SMTP_FROM'],
} as const;

/** `missing` is told each variable that the adapter needs and that is not there. */
export function readMessageSettings(
  read: Read,
  missing: (variable: keyof typeof MESSAGE_VARIABLES, adapter: string) => void,
): MessageSettings {
  const adapter = read<MessageSettings['adapter']>('YINXIN_MESSAGE_ADAPTER', 'log', (text) => {
    const found = ADAPTERS.find((name) => name === text);
    if (found === undefined) throw new Error(`must be one of ${ADAPTERS.join(', ')}`);
    return found;
  });
  const given = {
    YINXIN_MESSAGE_WEBHOOK_URL: read('YINXIN_MESSAGE_WEBHOOK_URL', '', parseWebUrl),
    YINXIN_MESSAGE_WEBHOOK_SECRET: read('YINXIN_MESSAGE_WEBHOOK_SECRET', '', parseSecret),
    YINXIN_MESSAGE_SMTP_URL: read('YINXIN_MESSAGE_SMTP_URL', '', parseMailUrl),
    YINXIN_MESSAGE_SMTP_FROM: read('YINXIN_MESSAGE_SMTP_FROM', '', parseFrom),
  };
  const mobileAddress = read<string | null>('YINXIN_MESSAGE_SMTP_MOBILE', null, parseMobileAddress);
  for (const variable of NEEDED[adapter]) if (given[variable] === '') missing(variable, adapter);
  if (adapter === 'webhook') {
    return { adapter, url: given.YINXIN_MESSAGE_WEBHOOK_URL, secret: given.YINXIN_MESSAGE_WEBHOOK_SECRET };
  }
  if (adapter === 'smtp') {
    return { adapter, url: given.YINXIN_MESSAGE_SMTP_URL, from: given.YINXIN_MESSAGE_SMTP_FROM, mobileAddress };
  }
  return { adapter };
}

function parseWebUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '') {
    throw new Error('must be an http or https URL without credentials');
  }
  return url.href;
}

function parseSecret(text: string): string {
  const key = Buffer.from(text.replace(/^whsec_/, ''), 'base64');
  if (!text.startsWith('whsec_') || key.length < 24 || key.length > 64) {
    throw new Error('must be whsec_ and the Base64 of 24 to 64 bytes');
  }
  return text;
}

function parseMailUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^smtps?:$/.test(url.protocol) || url.hostname === '') {
    throw new Error('must be a URL such as smtps://user:password@mail.example.com:465');
  }
  return text;
}

function parseFrom(text: string): string {
  if (!/^[^\r\n]{0,100}[^\s@<>]+@[^\s@<>]+>?$/.test(text)) throw new Error('must be an e-mail address');
  return text;
}

function parseMobileAddress(text: string): string {
  if (!/^[^\s@]*\{mobile\}[^\s@]*@[^\s@]+$/.test(text)) {
    throw new Error('must be an address with {mobile} in it, such as {mobile}@sms.example.com');
  }
  return text;
}
