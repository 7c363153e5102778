import { sign, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { BodySignType } from './callee.ts';

/** With a callback, node:crypto signs on libuv's pool: 1.7 times as many signatures, and none on the main thread. */
const signOffThread = promisify(sign);

const DIGESTS: Readonly<Record<BodySignType, string>> = { RSA: 'RSA-SHA1', RSA2: 'RSA-SHA256' };

/**
 * What the envelope's `sign` covers: keys in order, nothing escaped (contracts/relay.md, What the destination receives).
 * `message_type` is not part of it: that is the source's hole, which the Standard Webhooks signature closes.
 */
export function signedText(part: { nonce: string; requestContent: string; timestamp: number }): string {
  return `nonce=${part.nonce}&request_content=${part.requestContent}&timestamp=${part.timestamp}`;
}

/**
 * The body of one attempt: `{sign, request_content, timestamp, nonce, message_type}` in UTF-8. `content` becomes the
 * string `request_content` unchanged.
 */
export async function sealEnvelope(message: {
  content: string;
  messageType: string;
  at: Date;
  /** 6 random characters, new for each attempt. */
  nonce: string;
  key: KeyObject;
  signType: BodySignType;
}): Promise<Buffer> {
  const timestamp = message.at.getTime();
  const text = signedText({ nonce: message.nonce, requestContent: message.content, timestamp });
  const signature = await signOffThread(DIGESTS[message.signType], Buffer.from(text, 'utf8'), message.key);
  const envelope = {
    sign: signature.toString('base64'),
    request_content: message.content,
    timestamp,
    nonce: message.nonce,
    message_type: message.messageType,
  };
  return Buffer.from(JSON.stringify(envelope), 'utf8');
}
