import { JsonTextError, parseJsonArray } from '../../platform/json-text.ts';
import { CALLBACK_LIMITS, CallbackFormError } from './callback-request.ts';

/** Choices: the contract knows single messages alone. */
export const BATCH_LIMITS = {
  bodyBytesMax: 8_388_608,
  messagesMax: 1_000,
  /** Empty ones among them. */
  linesMax: 10_000,
  /** Applications that one batch speaks for: each is looked up. */
  appsMax: 16,
} as const;

export const BATCH_TOO_LARGE = `请求体过大，最多${BATCH_LIMITS.bodyBytesMax}字节`;

/** The answer has the form of the body. */
export type BatchForm = 'array' | 'ndjson';

export interface BatchEntry {
  /** From 1: the line of the body, empty ones counted, or the place in the array. */
  readonly line: number;
  /** One message, as `readMembers` takes it. */
  readonly source: Buffer | string;
}

/**
 * Cuts a body into its messages: one JSON array, or NDJSON, which is what is said to be NDJSON and what does not begin
 * with `[`. What is wrong with one message is not looked at here, but an array must be JSON as a whole.
 *
 * @throws CallbackFormError
 */
export function splitBatch(body: Buffer, isSaidToBeNdjson: boolean): { form: BatchForm; entries: BatchEntry[] } {
  const text = withoutByteOrderMark(body);
  const form = isSaidToBeNdjson || firstByte(text) !== OPEN_BRACKET ? 'ndjson' : 'array';
  const entries = form === 'array' ? splitArray(text) : splitLines(text);
  if (entries.length === 0) throw new CallbackFormError('请求体没有消息');
  return { form, entries };
}

function splitArray(body: Buffer): BatchEntry[] {
  const { bodyBytesMax: bytesMax, messagesMax: elementsMax } = BATCH_LIMITS;
  try {
    const elements = parseJsonArray(body, { bytesMax, elementsMax, depthMax: CALLBACK_LIMITS.depthMax + 1 });
    return elements.map((source, index) => ({ line: index + 1, source }));
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    const messages: Partial<Record<JsonTextError['code'], string>> = {
      invalid_utf8: '请求体必须是UTF-8编码',
      too_deep: `请求体嵌套过深，每条消息最多${CALLBACK_LIMITS.depthMax}层`,
      too_many_members: TOO_MANY,
    };
    const otherwise = `请求体不是合法的JSON，第${error.offset + 1}个字符处有误`;
    throw new CallbackFormError(messages[error.code] ?? otherwise, { cause: error });
  }
}

/**
 * The lines of NDJSON that are not blank. A line ends with LF or CRLF, the last one may do without; a carriage return
 * before the line feed is white space to the reader of JSON. In UTF-8 the byte of LF is part of no other character.
 */
function splitLines(body: Buffer): BatchEntry[] {
  const entries: BatchEntry[] = [];
  let from = 0;
  for (let line = 1; from < body.length; line += 1) {
    if (line > BATCH_LIMITS.linesMax) throw new CallbackFormError(TOO_MANY_LINES);
    const lineFeed = body.indexOf(LINE_FEED, from);
    const end = lineFeed === -1 ? body.length : lineFeed;
    const source = body.subarray(from, end);
    if (firstByte(source) !== undefined) {
      if (entries.length === BATCH_LIMITS.messagesMax) throw new CallbackFormError(TOO_MANY);
      entries.push({ line, source });
    }
    from = end + 1;
  }
  return entries;
}

const TOO_MANY = `消息过多，一批最多${BATCH_LIMITS.messagesMax}条`;
const TOO_MANY_LINES = `行数过多，最多${BATCH_LIMITS.linesMax}行`;
const OPEN_BRACKET = 0x5b;
const LINE_FEED = 0x0a;

function withoutByteOrderMark(body: Buffer): Buffer {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? body.subarray(3) : body;
}

/** The first byte that is no white space of JSON. */
function firstByte(text: Buffer): number | undefined {
  for (let at = 0; at < text.length; at += 1) {
    const byte = text[at];
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d && byte !== LINE_FEED) return byte;
  }
  return undefined;
}
